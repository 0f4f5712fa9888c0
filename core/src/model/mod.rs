//! The records: what goes into a store and comes out of it. Pure data, no I/O.

mod content;
mod context;
mod json_object;
mod lifecycle;
mod message;
mod page;
mod report;
mod session;

pub use content::Content;
pub use context::{Context, ContextQuery};
pub use json_object::JsonObject;
pub use lifecycle::Lifecycle;
pub use message::{Message, MessageQuery, NewMessage, Role, SaveOptions};
pub use page::Page;
pub use report::{
    Cleanup, CleanupQuery, Deletion, Erasure, ExportOptions, ExportReport, ImportOptions,
    ImportReport, Stats, StoreCheck,
};
pub use session::{ListOrder, NewSession, Session, SessionQuery, SessionUpdate};
