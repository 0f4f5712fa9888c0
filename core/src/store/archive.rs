//! The archive of a store.
