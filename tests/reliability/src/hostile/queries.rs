//! Filters and cursors, on a store with something of everything.

use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use convostore::{
    CleanupQuery, Content, ContextQuery, ListOrder, MessageQuery, NewMessage, NewSession,
    SessionQuery, Store, Timestamp,
};

use super::pair;

#[derive(Debug, Arbitrary)]
enum Query {
    Sessions {
        scope: Option<String>,
        prefix: Option<String>,
        owner: Option<String>,
        status: Option<String>,
        by_creation: bool,
        limit: Option<u16>,
        cursor: Cursor,
    },
    Contexts {
        prefix: Option<String>,
        limit: Option<u16>,
        cursor: Cursor,
    },
    Messages {
        session: u8,
        after: Option<u64>,
        before: Option<u64>,
        since: Option<i64>,
        first: Option<u64>,
        last: Option<u64>,
        roles: Option<Vec<String>>,
        summaries: Option<bool>,
    },
    Cleanup {
        millis: u64,
        scope: Option<String>,
        status: Option<String>,
    },
}

#[derive(Debug, Arbitrary)]
enum Cursor {
    None,
    /// Any text.
    Text(String),
    /// One that a list gave, with a byte changed.
    Bent {
        at: u8,
        to: u8,
    },
}

/// Asks both storages the same things.
pub(super) fn queries(bytes: &[u8]) {
    thread_local! {
        static MEMORY: Store = filled(pair::memory());
    }
    let mut input = Unstructured::new(bytes);
    let sqlite = filled(pair::sqlite());
    MEMORY.with(|memory| {
        for _ in 0..20 {
            let Ok(query) = Query::arbitrary(&mut input) else {
                break;
            };
            assert_eq!(ask(memory, &query), ask(&sqlite, &query), "{query:?}");
        }
    });
}

fn filled(store: Store) -> Store {
    if store.get_session("s0").unwrap().is_some() {
        return store;
    }
    for (number, scope) in (0..).zip(["", "p", "p/q"].repeat(2)) {
        let session = NewSession::new().id(format!("s{number}")).owner("ada");
        let session = session.scope(scope);
        let at = Timestamp::from_millis_clamped(1_700_000_000_000 + number / 2);
        store.create_session(session.created_at(at)).unwrap();
        for text in ["one", "two", "three"] {
            let message = NewMessage::new("user", Content::text(text)).summary(text == "two");
            store
                .save_message(&format!("s{number}"), message.created_at(at))
                .unwrap();
        }
        let data = convostore::JsonObject::parse("{}").unwrap();
        store
            .set_context(&format!("p{number}"), data, None)
            .unwrap();
    }
    store
}

/// What came, in words that can be compared. Contents are told by their number.
fn ask(store: &Store, query: &Query) -> Result<String, convostore::ErrorCode> {
    let answer = match query {
        Query::Sessions {
            limit,
            cursor,
            by_creation,
            ..
        } => {
            let mut asked = session_query(query);
            if *by_creation {
                asked = asked.order(ListOrder::Creation);
            }
            if let Some(limit) = limit {
                asked = asked.limit((*limit).into());
            }
            let given = || {
                store
                    .list_sessions(asked.clone().limit(1))
                    .ok()?
                    .next_cursor
            };
            if let Some(cursor) = cursor.text(given) {
                asked = asked.cursor(cursor);
            }
            let page = store.list_sessions(asked);
            page.map(|page| format!("{:?} {:?}", page.items, page.next_cursor))
        }
        Query::Contexts {
            prefix,
            limit,
            cursor,
        } => {
            let mut asked = ContextQuery::new();
            if let Some(prefix) = prefix {
                asked = asked.scope_prefix(prefix);
            }
            let given = || {
                store
                    .list_contexts(asked.clone().limit(1))
                    .ok()?
                    .next_cursor
            };
            let cursor = cursor.text(given);
            if let Some(limit) = limit {
                asked = asked.limit((*limit).into());
            }
            if let Some(cursor) = cursor {
                asked = asked.cursor(cursor);
            }
            let page = store.list_contexts(asked);
            page.map(|page| format!("{:?} {:?}", page.items, page.next_cursor))
        }
        Query::Messages { session, .. } => {
            let asked = message_query(query);
            let messages = store.get_messages(&format!("s{session}"), asked);
            messages.map(|messages| format!("{messages:?}"))
        }
        Query::Cleanup {
            millis,
            scope,
            status,
        } => {
            let mut asked = CleanupQuery::new().older_than(Duration::from_millis(*millis));
            if let Some(scope) = scope {
                asked = asked.scope(scope);
            }
            if let Some(status) = status {
                asked = asked.status(status);
            }
            let cleaned = store.cleanup_sessions(asked.dry_run(true));
            cleaned.map(|cleaned| format!("{cleaned:?}"))
        }
    };
    answer.map_err(|error| error.code())
}

impl Cursor {
    fn text(&self, given: impl FnOnce() -> Option<String>) -> Option<String> {
        match self {
            Self::None => None,
            Self::Text(text) => Some(text.clone()),
            Self::Bent { at, to } => {
                let mut bytes = given()?.into_bytes();
                let at = usize::from(*at) % bytes.len();
                bytes[at] = *to;
                String::from_utf8(bytes).ok()
            }
        }
    }
}

fn session_query(query: &Query) -> SessionQuery {
    let mut asked = SessionQuery::new();
    if let Query::Sessions {
        scope,
        prefix,
        owner,
        status,
        ..
    } = query
    {
        if let Some(scope) = scope {
            asked = asked.scope(scope);
        }
        if let Some(prefix) = prefix {
            asked = asked.scope_prefix(prefix);
        }
        if let Some(owner) = owner {
            asked = asked.owner(owner);
        }
        if let Some(status) = status {
            asked = asked.status(status);
        }
    }
    asked
}

fn message_query(query: &Query) -> MessageQuery {
    let mut asked = MessageQuery::new();
    if let Query::Messages {
        after,
        before,
        since,
        first,
        last,
        roles,
        summaries,
        ..
    } = query
    {
        asked = after.map_or(asked.clone(), |seq| asked.after(seq));
        asked = before.map_or(asked.clone(), |seq| asked.before(seq));
        let since = since.map(Timestamp::from_millis_clamped);
        asked = since.map_or(asked.clone(), |since| asked.since(since));
        asked = first.map_or(asked.clone(), |count| asked.limit(count));
        asked = last.map_or(asked.clone(), |count| asked.last(count));
        asked = summaries.map_or(asked.clone(), |summaries| asked.summaries(summaries));
        if let Some(roles) = roles {
            asked = asked.roles(roles.iter().map(String::as_str));
        }
    }
    asked
}
