use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use convostore::backend::Backend;
use convostore::testing::{Fixture, run_contract};

use super::server;

struct Server {
    url: String,
    /// The schema of each backend, by address.
    schemas: Mutex<HashMap<usize, String>>,
}

impl Server {
    fn open(&self, schema: String) -> Arc<dyn Backend> {
        let backend: Arc<dyn Backend> = Arc::new(server::connect(&self.url, &schema));
        self.schemas
            .lock()
            .unwrap()
            .insert(address(&backend), schema);
        backend
    }
}

fn address(backend: &Arc<dyn Backend>) -> usize {
    Arc::as_ptr(backend).cast::<()>() as usize
}

impl Fixture for Server {
    fn fresh(&self) -> Arc<dyn Backend> {
        self.open(server::schema())
    }

    fn reopen(&self, backend: Arc<dyn Backend>) -> Option<Arc<dyn Backend>> {
        let schema = self.schemas.lock().unwrap()[&address(&backend)].clone();
        backend.close().unwrap();
        drop(backend);
        Some(self.open(schema))
    }
}

#[test]
fn the_contract_is_kept() {
    if let Some(url) = server::url() {
        run_contract(&Server {
            url,
            schemas: Mutex::default(),
        });
    }
}
