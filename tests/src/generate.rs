//! Makes steps by chance: few names, so that they meet; edges more often than chance alone would find them; some of them invalid.

use serde_json::{Map, Value, json};

use crate::lockstep::{ARCHIVE, CRASH, HANDLES, REOPEN};
use crate::model::{Model, Session};
use crate::scenario::{ClockMove, Step};

/// Numbers by chance, the same from the same seed: SplitMix64.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// Chance that begins with a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.number() % end
    }

    /// Whether a thing happens that does so many times in a hundred.
    pub fn percent(&mut self, times: u64) -> bool {
        self.below(100) < times
    }

    /// One of some.
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[usize::try_from(self.below(items.len() as u64)).unwrap()]
    }
}

const IDS: [&str; 12] = [
    "s0", "s1", "s2", "s3", "s4", "s5", "s6", "S7", "s8", "é", "😀", "\u{ff5e}",
];
const SCOPES: [&str; 5] = ["", "p", "p/q", "P", "p%"];
const KEYS: [&str; 3] = ["k", "K", "l"];
const OWNERS: [&str; 2] = ["ada", "bob"];
const DEDUP_KEYS: [&str; 4] = ["d0", "d1", "d2", "D1"];
const LIFECYCLES: [&str; 4] = ["agent", "agent", "ticket", "x"];
const STATUSES: [&str; 9] = [
    "created",
    "active",
    "paused",
    "terminated",
    "collecting",
    "ready_to_sync",
    "synced",
    "open",
    "shut",
];
const ROLES: [&str; 8] = [
    "user",
    "user",
    "assistant",
    "model",
    "system",
    "developer",
    "tool",
    "critic",
];
const HOUR: i64 = 3_600_000;

/// The next step, made with an eye on what the model holds.
pub fn step(chance: &mut Chance, model: &mut Model, now: i64) -> Step {
    if chance.percent(12) {
        return Step {
            clock: Some(ClockMove::Set(now + clock_step(chance))),
            ..Step::default()
        };
    }
    let on = chance.pick(&HANDLES);
    let name = match chance.pick(&OPERATIONS) {
        "rare" => chance.pick(&RARE),
        name => name,
    };
    let mut args = Maker {
        chance,
        model,
        tenant: &on[..1],
        now,
        args: Map::new(),
    };
    let mut keep = None;
    args.operation(name, &mut keep);
    args.spoil(name);
    let args = args.args;
    Step {
        call: name.to_owned(),
        on: Some(on.to_owned()).filter(|_| !matches!(name, REOPEN | CRASH | ARCHIVE)),
        args,
        keep,
        ..Step::default()
    }
}

/// Each as often as it is to come.
const OPERATIONS: [&str; 60] = [
    "create_session",
    "create_session",
    "create_session",
    "get_or_create_session",
    "get_or_create_session",
    "get_or_create_session",
    "resume_session",
    "resume_session",
    "resume_session",
    "get_session",
    "get_session",
    "get_session_by_key",
    "list_sessions",
    "list_sessions",
    "list_sessions",
    "list_sessions",
    "list_sessions",
    "update_session",
    "update_session",
    "update_session",
    "update_session",
    "touch_session",
    "touch_session",
    "delete_session",
    "delete_session",
    "cleanup_sessions",
    "cleanup_sessions",
    "save_message",
    "save_message",
    "save_message",
    "save_message",
    "save_message",
    "save_message",
    "save_message",
    "save_messages",
    "save_messages",
    "save_messages",
    "save_messages",
    "save_messages",
    "save_summary",
    "get_messages",
    "get_messages",
    "get_messages",
    "get_messages",
    "stream_messages",
    "stream_messages",
    "count_messages",
    "pop_message",
    "pop_message",
    "delete_messages_before",
    "delete_messages_before",
    "clear_messages",
    "get_context",
    "set_context",
    "merge_context",
    "merge_context",
    "delete_context",
    "list_contexts",
    "rare",
    "rare",
];

const RARE: [&str; 9] = [
    "define_lifecycle",
    "define_lifecycle",
    "define_lifecycle",
    "list_lifecycles",
    "stats",
    "check",
    REOPEN,
    CRASH,
    ARCHIVE,
];

fn clock_step(chance: &mut Chance) -> i64 {
    match chance.below(12) {
        0 => -1,
        1 => -i64::try_from(chance.below(48)).unwrap() * HOUR,
        2 => 4 * HOUR,
        3 => 4 * HOUR - 1,
        4 => 30 * 24 * HOUR + 1,
        5 | 6 => 1,
        _ => i64::try_from(chance.below(10_000)).unwrap(),
    }
}

struct Maker<'a> {
    chance: &'a mut Chance,
    model: &'a mut Model,
    tenant: &'a str,
    now: i64,
    args: Map<String, Value>,
}

impl Maker<'_> {
    fn operation(&mut self, name: &str, keep: &mut Option<String>) {
        match name {
            "create_session" | "get_or_create_session" => self.new_session(),
            "resume_session" => {
                self.new_session();
                self.sometimes(60, "idle", |it| json!(it.span().max(0)));
            }
            "get_session" | "touch_session" => self.id("id"),
            "delete_session" => {
                self.id("id");
                self.sometimes(10, "erase", |_| json!(true));
            }
            "get_session_by_key" => {
                self.always("scope", |it| json!(it.chance.pick(&SCOPES)));
                self.always("key", |it| json!(it.chance.pick(&KEYS)));
            }
            "list_sessions" => self.list_sessions(keep),
            "update_session" => {
                self.id("id");
                self.update();
                self.sometimes(20, "expected_revision", Self::revision);
            }
            "cleanup_sessions" => {
                self.always("older_than", |it| json!(it.span().max(0)));
                self.sometimes(40, "dry_run", |_| json!(true));
                self.sometimes(30, "scope", |it| json!(it.chance.pick(&SCOPES)));
                self.sometimes(30, "status", |it| json!(it.chance.pick(&STATUSES)));
            }
            "save_message" => {
                let message = self.message();
                self.args.extend(message);
                self.id("session_id");
                self.sometimes(15, "expected_revision", Self::revision);
            }
            "save_messages" => self.save_messages(),
            "save_summary" => {
                self.id("session_id");
                self.always("content", Self::content);
                self.sometimes(30, "token_count", |it| json!(it.chance.below(5000)));
            }
            "get_messages" | "stream_messages" => self.messages(name),
            "delete_messages_before" => {
                self.id("session_id");
                self.always("before", Self::seq);
            }
            "get_context" | "delete_context" => {
                self.always("scope", |it| json!(it.chance.pick(&SCOPES)));
            }
            "set_context" | "merge_context" => {
                self.always("scope", |it| json!(it.chance.pick(&SCOPES)));
                let data = if name == "set_context" {
                    "data"
                } else {
                    "patch"
                };
                self.always(data, Self::object);
                self.sometimes(30, "expected_revision", Self::context_revision);
            }
            "list_contexts" => {
                self.sometimes(40, "scope_prefix", |it| json!(it.chance.pick(&SCOPES)));
                self.sometimes(70, "limit", |it| json!(1 + it.chance.below(3)));
                self.sometimes(50, "cursor", |_| json!("$contexts.next_cursor"));
                *keep = Some("contexts".to_owned());
            }
            "define_lifecycle" => self.lifecycle(),
            "count_messages" | "pop_message" | "clear_messages" => self.id("session_id"),
            _ => {}
        }
    }

    fn always(&mut self, name: &str, make: impl FnOnce(&mut Self) -> Value) {
        let value = make(self);
        self.args.insert(name.to_owned(), value);
    }

    fn sometimes(&mut self, percent: u64, name: &str, make: impl FnOnce(&mut Self) -> Value) {
        if self.chance.percent(percent) {
            self.always(name, make);
        }
    }

    /// Some session that there is.
    fn session(&mut self) -> Option<&Session> {
        let sessions = &self.model.tenant(self.tenant).sessions;
        let index = self.chance.below(sessions.len().max(1) as u64);
        sessions.get(usize::try_from(index).unwrap())
    }

    /// Mostly that of a session that there is.
    fn id(&mut self, name: &str) {
        let existing = self.session().map(|session| session.id.clone());
        match existing.filter(|_| self.chance.percent(92)) {
            Some(id) => self.always(name, |_| json!(id)),
            None => self.always(name, |it| json!(it.chance.pick(&IDS))),
        }
    }

    fn new_session(&mut self) {
        self.sometimes(75, "id", |it| json!(it.chance.pick(&IDS)));
        self.sometimes(85, "scope", |it| json!(it.chance.pick(&SCOPES)));
        self.sometimes(40, "key", |it| json!(it.chance.pick(&KEYS)));
        self.sometimes(40, "owner", |it| json!(it.chance.pick(&OWNERS)));
        self.sometimes(40, "lifecycle", |it| json!(it.chance.pick(&LIFECYCLES)));
        self.sometimes(15, "status", |it| json!(it.chance.pick(&STATUSES)));
        self.sometimes(30, "metadata", Self::object);
        self.sometimes(20, "created_at", |it| {
            let back = i64::try_from(it.chance.below(40 * 24)).unwrap() * HOUR;
            json!(it.now - back + i64::from(it.chance.percent(5)))
        });
    }

    /// A span of time that ends about where some session was last active.
    fn span(&mut self) -> i64 {
        let now = self.now;
        let around = i64::try_from(self.chance.below(3)).unwrap() - 1;
        let any = i64::try_from(self.chance.below(200)).unwrap() * HOUR;
        match self.session().map(|session| session.last_active_at) {
            Some(active) => now - active + around,
            None => any,
        }
    }

    fn revision(&mut self) -> Value {
        let id = self
            .args
            .get("id")
            .or_else(|| self.args.get("session_id"))
            .cloned();
        let sessions = &self.model.tenant(self.tenant).sessions;
        let present = sessions
            .iter()
            .find(|session| Some(session.id.as_str()) == id.as_ref().and_then(Value::as_str));
        let present = present.map_or(1, |session| session.revision);
        json!(if self.chance.percent(70) {
            present
        } else {
            self.chance.below(present + 2)
        })
    }

    fn context_revision(&mut self) -> Value {
        let scope = self.args["scope"].as_str().unwrap_or_default().to_owned();
        let context = self.model.tenant(self.tenant).contexts.get(&scope);
        let present = context.map_or(0, |context| context.revision);
        json!(if self.chance.percent(70) {
            present
        } else {
            self.chance.below(present + 2)
        })
    }

    fn seq(&mut self) -> Value {
        let last = self.session().map_or(0, |session| session.last_seq);
        json!(self.chance.below(last + 3))
    }

    fn moment(&mut self) -> Value {
        let hours = i64::try_from(self.chance.below(100)).unwrap() - 60;
        let message = self
            .session()
            .and_then(|session| session.messages.last())
            .map(|message| message.created_at);
        json!(
            message
                .filter(|_| self.chance.percent(60))
                .unwrap_or(self.now + hours * HOUR)
        )
    }

    fn object(&mut self) -> Value {
        let leaf = |chance: &mut Chance| match chance.below(5) {
            0 => Value::Null,
            1 => json!(chance.below(10)),
            2 => json!(chance.pick(&["", "x", "é"])),
            3 => json!([1, null, { "a": null }]),
            _ => json!({ chance.pick(&["a", "b"]): chance.pick(&[None, Some(1)]), "c": {} }),
        };
        let mut object = Map::new();
        for _ in 0..self.chance.below(4) {
            let name = self.chance.pick(&["a", "b", "__proto__", "ü"]);
            let value = if self.chance.percent(40) {
                json!({ "a": leaf(self.chance), "b": leaf(self.chance) })
            } else {
                leaf(self.chance)
            };
            object.insert(name.to_owned(), value);
        }
        object.into()
    }

    /// Few contents, so that dedup keys meet the same one again; their texts end about where previews do.
    fn content(&mut self) -> Value {
        let end = self
            .chance
            .pick(&["", "e\u{301}x", "👨\u{200d}👩\u{200d}👧", "😀😀😀"]);
        let text = format!(
            "{}{end}",
            "x".repeat(usize::try_from(95 + self.chance.below(7)).unwrap())
        );
        match self.chance.below(14) {
            0 => json!(text),
            1 => json!({ "parts": [{ "kind": "image" }, { "text": text }] }),
            2 => json!(""),
            3 => json!({ "content": "", "text": "t" }),
            4 => json!({ "content": [{ "text": "" }, { "text": "b" }] }),
            5 => json!({ "$json": "{\"n\": 1e400, \"n\":18446744073709551617}" }),
            6 => json!({ "$json": "{ \"z\":[1.0],\"a\":\"\\u0041\\u0000\" }" }),
            7 => json!(null),
            8 => json!("a\u{0}b \"quoted\" \\ \n\u{7f}"),
            9 => json!({ "$json": "\"\\u0041\\/\"" }),
            10 => json!([17]),
            _ => json!(self.chance.pick(&["hi", "ho"])),
        }
    }

    fn message(&mut self) -> Map<String, Value> {
        let outer = std::mem::take(&mut self.args);
        self.always("role", |it| json!(it.chance.pick(&ROLES)));
        self.always("content", Self::content);
        self.sometimes(20, "token_count", |it| json!(it.chance.below(5000)));
        self.sometimes(10, "is_summary", |_| json!(true));
        self.sometimes(20, "created_at", Self::moment);
        if self.chance.percent(35) {
            self.always("dedup_key", |it| json!(it.chance.pick(&DEDUP_KEYS)));
            self.retry();
        }
        std::mem::replace(&mut self.args, outer)
    }

    /// Often what has the dedup key already.
    fn retry(&mut self) {
        let key = self.args["dedup_key"].as_str().map(str::to_owned);
        let twin = self.session().and_then(|session| {
            session
                .messages
                .iter()
                .find(|message| message.dedup_key == key)
                .cloned()
        });
        if let Some(twin) = twin.filter(|_| self.chance.percent(70)) {
            self.always("role", |_| json!(twin.role));
            self.always("content", |_| json!({ "$json": twin.content }));
        }
    }

    fn save_messages(&mut self) {
        let messages: Vec<Value> = (0..self.chance.below(5))
            .map(|_| self.message().into())
            .collect();
        self.id("session_id");
        self.args.insert("messages".to_owned(), messages.into());
        self.sometimes(20, "expected_revision", Self::revision);
        if self.chance.percent(35) {
            let outer = std::mem::take(&mut self.args);
            self.args
                .insert("session_id".to_owned(), outer["session_id"].clone());
            self.update();
            self.sometimes(10, "expected_revision", Self::revision);
            let mut update = std::mem::replace(&mut self.args, outer);
            update.remove("session_id");
            self.args.insert("update".to_owned(), update.into());
        }
    }

    fn update(&mut self) {
        self.sometimes(60, "status", |it| json!(it.chance.pick(&STATUSES)));
        self.sometimes(20, "owner", |it| {
            json!(it.chance.pick(&[None, Some("ada"), Some("bob")]))
        });
        if self.chance.percent(60) {
            let name = self
                .chance
                .pick(&["metadata", "merge_metadata", "merge_metadata"]);
            self.always(name, Self::object);
        }
    }

    fn list_sessions(&mut self, keep: &mut Option<String>) {
        // A traversal keeps to what it began with, so two are enough.
        let order = self.chance.pick(&["activity", "creation"]);
        self.always("order", |_| json!(order));
        self.sometimes(80, "limit", |it| json!(1 + it.chance.below(4)));
        if self.chance.percent(60) {
            self.always("cursor", |_| json!(format!("${order}.next_cursor")));
            *keep = Some(order.to_owned());
            return;
        }
        self.sometimes(30, "scope", |it| json!(it.chance.pick(&SCOPES)));
        if !self.args.contains_key("scope") {
            self.sometimes(30, "scope_prefix", |it| json!(it.chance.pick(&SCOPES)));
        }
        self.sometimes(20, "owner", |it| json!(it.chance.pick(&OWNERS)));
        self.sometimes(20, "status", |it| json!(it.chance.pick(&STATUSES)));
        *keep = Some(order.to_owned());
    }

    fn messages(&mut self, name: &str) {
        self.id("session_id");
        self.sometimes(20, "after", Self::seq);
        self.sometimes(20, "before", Self::seq);
        self.sometimes(20, "since", Self::moment);
        let take = if name == "get_messages" && self.chance.percent(50) {
            "last"
        } else {
            "limit"
        };
        self.sometimes(40, take, |it| json!(it.chance.below(5)));
        self.sometimes(20, "roles", |it| {
            json!([it.chance.pick(&ROLES), it.chance.pick(&ROLES)])
        });
        self.sometimes(20, "summaries", |it| json!(it.chance.percent(50)));
    }

    fn lifecycle(&mut self) {
        let name = self.chance.pick(&["x", "x", "x", "y", "ticket"]);
        self.always("name", |_| json!(name));
        self.always("initial", |_| json!("open"));
        self.always("statuses", |it| {
            it.chance
                .pick(&[true, true, false])
                .then(|| json!(["open", "shut"]))
                .unwrap_or(json!(["shut", "open"]))
        });
        self.always("moves", |_| json!([["open", "shut"]]));
        self.sometimes(80, "final_statuses", |_| json!(["shut"]));
    }

    /// Now and then one argument is made invalid.
    fn spoil(&mut self, name: &str) {
        if !self.chance.percent(4) {
            return;
        }
        let (argument, value) = match name {
            "list_sessions" | "list_contexts" => match self.chance.below(4) {
                0 => ("limit", json!(0)),
                1 => ("limit", json!(1001)),
                2 => ("cursor", json!("nonsense")),
                _ => ("cursor", json!("$contexts.next_cursor")),
            },
            "get_messages" => ("roles", json!(["nobody"])),
            "save_message" => match self.chance.below(5) {
                0 => ("role", json!("nobody")),
                1 => ("token_count", json!(1_u64 << 53)),
                2 => ("dedup_key", json!("")),
                3 => ("content", json!({ "$json": "{\"half\":" })),
                _ => ("session_id", json!("nul\u{0}")),
            },
            "save_messages" => match self.chance.below(2) {
                0 => (
                    "messages",
                    json!([{ "role": "user", "content": "x" }, { "role": "nobody", "content": "y" }]),
                ),
                _ => ("update", json!({ "metadata": {}, "merge_metadata": {} })),
            },
            "create_session" | "get_or_create_session" | "resume_session" => {
                match self.chance.below(5) {
                    0 => ("id", json!("")),
                    1 => ("key", json!("k".repeat(513))),
                    2 => ("created_at", json!(self.now + 1)),
                    3 => ("lifecycle", json!("unheard of")),
                    _ => ("metadata", json!({ "$json": "[]" })),
                }
            }
            "update_session" => match self.chance.below(3) {
                0 => ("owner", json!("")),
                1 => ("metadata", json!({ "$json": "null" })),
                _ => ("status", json!("nonsense")),
            },
            "define_lifecycle" => ("statuses", json!(["shut"])),
            "get_context" | "set_context" | "merge_context" | "delete_context" => {
                ("scope", json!("s".repeat(1025)))
            }
            "get_session" | "touch_session" | "delete_session" => ("id", json!("i".repeat(129))),
            _ => return,
        };
        self.args.insert(argument.to_owned(), value);
    }
}
