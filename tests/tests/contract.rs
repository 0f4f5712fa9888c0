//! The contract of backends, held over those that come with the store, each case a test of its own.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::sync::{Arc, Mutex};

use conformance::world::{Kind, World};
use convostore::backend::Backend;
use convostore::testing::{Fixture, contract};
use libtest_mimic::{Arguments, Trial};

/// Storages of one kind. They are kept, so that they can be opened again.
struct Worlds {
    kind: Kind,
    made: Mutex<Vec<World>>,
}

impl Fixture for Worlds {
    fn fresh(&self) -> Arc<dyn Backend> {
        let world = World::new(self.kind).unwrap();
        let backend = world.backend();
        self.made.lock().unwrap().push(world);
        backend
    }

    fn reopen(&self, backend: Arc<dyn Backend>) -> Option<Arc<dyn Backend>> {
        if self.kind == Kind::Memory {
            return None;
        }
        let mut made = self.made.lock().unwrap();
        let world = made
            .iter_mut()
            .find(|world| Arc::ptr_eq(&world.backend(), &backend))
            .unwrap();
        drop(backend);
        world.reopen().unwrap();
        Some(world.backend())
    }
}

fn main() {
    let mut trials = Vec::new();
    for kind in [Kind::Memory, Kind::Kept, Kind::Sqlite] {
        for (name, case) in contract() {
            trials.push(Trial::test(format!("{name} on {kind}"), move || {
                case(&Worlds {
                    kind,
                    made: Mutex::default(),
                });
                Ok(())
            }));
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
