//! The contract of backends on a real PostgreSQL, and what only a networked backend can get wrong. `scripts/postgres.sh cargo test …` starts a
//! server and sets `CONVOSTORE_TEST_POSTGRES_URL`.
#![cfg(all(feature = "postgres", feature = "testing"))]

mod postgres {
    pub(crate) mod contract;
    pub(crate) mod server;
}
