//! What hostile input may not do: a harness for each way in. The fuzzer (`fuzz/`) and the replay of its corpus run the same.
//!
//! A harness takes any bytes, and panics where the store did something that it may not.

mod archive;
mod pair;
mod queries;
mod values;

/// A harness.
pub type Harness = fn(&[u8]);

/// All of them, by the names of their corpora and fuzz targets.
pub const HARNESSES: [(&str, Harness); 4] = [
    ("archive", archive::as_it_is),
    ("repaired", archive::repaired),
    ("queries", queries::queries),
    ("values", values::values),
];
