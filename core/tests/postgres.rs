//! The contract of backends on a real PostgreSQL, and what only a networked backend can get wrong. `scripts/postgres.sh cargo test …` starts a
//! server and sets `CONVOSTORE_TEST_POSTGRES_URL`.
#![cfg(all(feature = "postgres", feature = "testing", unix))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::format_push_string,
    clippy::semicolon_if_nothing_returned,
    clippy::too_many_lines,
    reason = "a test fails by panicking, and says what it skips"
)]

mod postgres {
    pub(crate) mod closing;
    pub(crate) mod connecting;
    pub(crate) mod contract;
    pub(crate) mod faults;
    pub(crate) mod flushes;
    pub(crate) mod proxy;
    pub(crate) mod races;
    pub(crate) mod rows;
    pub(crate) mod schema;
    pub(crate) mod server;
    pub(crate) mod tenants;
}
