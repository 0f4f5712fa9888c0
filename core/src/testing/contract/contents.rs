//! Contents and metadata come back byte for byte.

use super::rows::{all_messages, append, at, get, insert, row, said, to_append, write};
use super::{Case, Fixture};
use crate::backend::AppendRow;
use crate::model::{Content, JsonObject, Message};

pub(super) const CASES: &[Case] = &[
    (
        "contents come back verbatim, whether text or JSON",
        contents,
    ),
    ("metadata comes back verbatim", metadata),
];

/// Contents that have bent in some store or parser.
fn exotic() -> Vec<Content> {
    let mut out: Vec<Content> = [
        "",
        " ",
        "\n",
        "Grüße",
        "e\u{301} is not \u{e9}",
        "🦀👩‍👩‍👧",
        "\u{feff}BOM",
        "\u{2028}\u{2029}",
        "'; DROP TABLE messages; --",
        "{\"looks\":\"like JSON\"}",
        "null",
        "123",
        "NUL \0 inside",
        "\u{7f}\u{80}\u{10FFFF}",
        "%s %d \\u0041",
        "a\r\nb",
    ]
    .into_iter()
    .map(Content::text)
    .collect();
    let json = [
        "null",
        "true",
        "0",
        "-0",
        "-0.0",
        "1.0",
        "1E400",
        "18446744073709551616",
        "12345678901234567890.12345678901234567890",
        "[]",
        "{}",
        " { \"b\" : 1 , \"a\" : [ ] } ",
        r#"{"a":1,"a":2}"#,
        r#"{"__proto__":{"x":1}}"#,
        r#""\u0000""#,
        r#""\ud800""#,
        r#""\udc00\ud800""#,
        r#"{"\ud83d":"\u0000"}"#,
        r#""\u0041""#,
        r#""\/""#,
        r#"{"":""}"#,
    ];
    out.extend(json.into_iter().map(|json| Content::json(json).unwrap()));
    out.push(Content::json("[".repeat(128) + &"]".repeat(128)).unwrap());
    out.push(Content::text("ü🦀x".repeat(150_000)));
    out.push(Content::json(format!("[\"{}\"]", "\\u0000".repeat(175_000))).unwrap());
    out
}

fn contents(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    insert(&*backend, row("one", "a", 1));
    let contents = exotic();
    let rows = contents.iter().map(|content| AppendRow {
        content: content.clone(),
        ..said("", 2)
    });
    append(&*backend, to_append("one", 2, rows.collect()));
    insert(&*backend, row("two", "a", 1));
    let messages: Vec<Message> = (1..)
        .zip(&contents)
        .map(|(seq, content)| Message::new(seq, "user", content.clone(), at(2)))
        .collect();
    write(&*backend, |tx| tx.insert_messages("two", &messages));
    assert_same(&all_messages(&*backend, "one"), &contents);
    assert_same(&all_messages(&*backend, "two"), &contents);
    if let Some(reopened) = fixture.reopen(backend) {
        assert_same(&all_messages(&*reopened, "one"), &contents);
        assert_same(&all_messages(&*reopened, "two"), &contents);
    }
}

fn assert_same(messages: &[Message], contents: &[Content]) {
    assert_eq!(messages.len(), contents.len());
    for (message, content) in messages.iter().zip(contents) {
        let seq = message.seq;
        assert_eq!(
            message.content.is_text(),
            content.is_text(),
            "of message {seq}"
        );
        assert!(
            message.content.body() == content.body(),
            "the content of message {seq} changed"
        );
    }
}

fn metadata(fixture: &dyn Fixture) {
    let backend = fixture.fresh();
    let exotic = [
        "{}",
        "{ }",
        r#" {"b":1,"a":{"n":18446744073709551616,"d":1.0e2}} "#,
        r#"{"k":"\u0000","s":"\ud800"}"#,
        r#"{"a":1,"a":2}"#,
        r#"{"Grüße":"🦀"}"#,
    ];
    for (n, json) in exotic.iter().enumerate() {
        let mut new = row(&format!("s{n}"), "a", 1);
        new.session.metadata = JsonObject::parse(*json).unwrap();
        insert(&*backend, new);
        insert(&*backend, row(&format!("u{n}"), "a", 1));
        let metadata = JsonObject::parse(*json).unwrap();
        write(&*backend, |tx| {
            tx.update_metadata(&format!("u{n}"), &metadata)
        });
    }
    let backend = match fixture.reopen(std::sync::Arc::clone(&backend)) {
        Some(reopened) => reopened,
        None => backend,
    };
    for (n, json) in exotic.iter().enumerate() {
        for id in [format!("s{n}"), format!("u{n}")] {
            assert_eq!(
                get(&*backend, &id).unwrap().session.metadata.as_str(),
                *json
            );
        }
    }
}
