//! Keepers: what makes rows in memory last.

use super::overlay::Overlay;
use super::record::Record;
use crate::error::{Error, ErrorCode, Result};

/// Keeps rows outside of memory, in a file or a database of its own.
///
/// A write is prepared, handed to the keeper as [`Record`]s, and becomes visible only when the keeper says that they are kept. If
/// it fails, the write fails with its error and nothing has happened. What was kept is given back with
/// [`MemoryBackend::load`](super::MemoryBackend::load) when it is opened again.
///
/// ```
/// use convostore::Result;
/// use convostore::backend::memory::{Keeper, Record};
///
/// /// Keeps a journal of all changes.
/// struct Journal(Vec<Record>);
///
/// impl Keeper for Journal {
///     fn keep(&mut self, changes: &[Record]) -> Result<()> {
///         self.0.extend_from_slice(changes); // a real one writes them to a file here, and flushes it
///         Ok(())
///     }
/// }
/// ```
pub trait Keeper: Send {
    /// Keeps the changes of one write: all of them or, if it returns an error, none. They are applied in their order.
    ///
    /// It must not call the backend that calls it (`reentrant`).
    fn keep(&mut self, changes: &[Record]) -> Result<()>;
}

/// What becomes of a write before it is visible.
pub(super) enum Mode {
    /// Nothing: it is visible at once.
    Plain,
    /// A keeper keeps it.
    Kept(Box<dyn Keeper>),
    /// It waits for someone to keep it and to say so.
    Prepared(Option<Box<Pending>>),
}

/// What waits: the changes of one write, or of several of one tenant, each made on top of those before.
pub(super) struct Pending {
    pub(super) tenant: String,
    pub(super) overlay: Overlay,
    /// Whether its records were handed out: from then on it is what it is.
    pub(super) is_taken: bool,
}

impl Mode {
    /// Refuses while a write waits.
    pub(super) fn check_ready(&self) -> Result<()> {
        match self {
            Self::Prepared(Some(_)) => Err(busy()),
            _ => Ok(()),
        }
    }

    /// What a write of that tenant begins with: the changes of those that wait, which it joins. They are lost if it fails.
    ///
    /// Errors: `busy` where what waits was handed out already, or is another tenant's.
    pub(super) fn begin(&mut self, tenant: &str) -> Result<Overlay> {
        let Self::Prepared(pending) = self else {
            return Ok(Overlay::default());
        };
        match pending {
            Some(waiting) if waiting.is_taken || waiting.tenant != tenant => Err(busy()),
            _ => Ok(pending
                .take()
                .map(|waiting| waiting.overlay)
                .unwrap_or_default()),
        }
    }

    /// Takes a write through; what may become visible now comes back.
    pub(super) fn pass(&mut self, tenant: &str, overlay: Overlay) -> Result<Option<Overlay>> {
        match self {
            Self::Plain => Ok(Some(overlay)),
            Self::Kept(keeper) => {
                keeper.keep(&overlay.records(tenant))?;
                Ok(Some(overlay))
            }
            Self::Prepared(pending) => {
                *pending = Some(Box::new(Pending {
                    tenant: tenant.to_owned(),
                    overlay,
                    is_taken: false,
                }));
                Ok(None)
            }
        }
    }
}

fn busy() -> Error {
    Error::new(
        ErrorCode::Busy,
        "a prepared write waits to be kept; call commit_pending or abort_pending, then try again",
    )
}
