use serde::de::IgnoredAny;

use super::*;

fn written(text: &str) -> String {
    let mut out = String::new();
    put_text(&mut out, text);
    out
}

/// Texts near JSON: pieces of it, put together at random.
fn near_json(seed: u64) -> String {
    const PIECES: [&str; 34] = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\"a\"",
        "\"\\u00e9\"",
        "\\",
        "\\u",
        "\\ud83d",
        "\\ude00",
        "\\n",
        "0",
        "1",
        "-",
        "12",
        ".5",
        "e",
        "E+3",
        "true",
        "false",
        "null",
        " ",
        "\n",
        "\t",
        "\u{1}",
        "é",
        "😀",
        "\"b\":",
        "\"\":1",
        "[]",
        "{}",
    ];
    let (mut state, mut out) = (seed, String::new());
    let mut random = |n: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % n
    };
    for _ in 0..=random(12) {
        out.push_str(PIECES[random(PIECES.len())]);
    }
    if random(2) == 0 {
        out = format!("[{out}]");
    }
    if random(2) == 0 {
        out = format!("{{\"a\":{out}}}");
    }
    out
}

#[test]
fn it_reads_what_serde_json_reads_and_nothing_else() {
    let mut sound = 0;
    for seed in 0..300_000 {
        let text = near_json(seed);
        let expected = serde_json::from_str::<IgnoredAny>(&text).is_ok();
        assert_eq!(
            Reader::check(&text).is_ok(),
            expected,
            "seed {seed}: {text:?}"
        );
        sound += usize::from(expected);
        if let Ok(texts) = serde_json::from_str::<Vec<String>>(&text) {
            let read = elements(&text).unwrap();
            let read: Vec<_> = read.into_iter().map(|raw| text_of(raw).unwrap()).collect();
            assert_eq!(read, texts, "seed {seed}");
        }
    }
    assert!(sound > 5_000, "{sound}");
}

#[test]
fn strings_are_read_and_written_as_serde_json_does() {
    let every: String = (0..0x3000).filter_map(char::from_u32).collect();
    for text in [
        "",
        "a",
        "12345678",
        "1234567\"",
        "\\12345678",
        "é\u{7f}\u{1f}\u{2028}😀",
        &every,
    ] {
        let json = serde_json::to_string(text).unwrap();
        assert_eq!(written(text), json);
        assert_eq!(text_of(&json).unwrap(), text);
    }
    for json in [
        r#""\u0041\/\b\f\n\r\t\"\\""#,
        r#""\ud83d\ude00x""#,
        r#" "a" "#,
    ] {
        let expected: String = serde_json::from_str(json).unwrap();
        assert_eq!(text_of(json).unwrap(), expected);
    }
    for json in [r#""\ud800""#, r#""\ude00\ud83d""#, "1"] {
        assert_eq!(text_of(json), None);
    }
    assert_eq!(
        lossy_text_of(r#""\ud800\ud83d\ude00\udc00""#),
        "\u{fffd}😀\u{fffd}"
    );
    assert_eq!(bytes_of(r"\ud800\u0061"), b"\xed\xa0\x80a");
}

#[test]
fn nesting_ends_at_128() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nested = |n: usize| format!("{}1{}", open.repeat(n), close.repeat(n));
        assert_eq!(Reader::check(&nested(128)), Ok(()));
        assert!(Reader::check(&nested(129)).unwrap_err().is_too_deep);
        assert!(
            Reader::check(&open.repeat(1_000_000))
                .unwrap_err()
                .is_too_deep
        );
    }
    let mixed = format!("{}[]{}", "[{\"a\":".repeat(63), "}]".repeat(63));
    assert_eq!(Reader::check(&mixed), Ok(()));
}

#[test]
fn numbers_are_written_in_full() {
    for number in [0, 7, 10, -1, 1_234_567_890, i64::MAX, i64::MIN] {
        let mut out = String::new();
        put_number(&mut out, number);
        assert_eq!(out, number.to_string());
    }
}

#[test]
fn fields_are_found_in_any_order_and_what_is_wrong_is_remembered() {
    let mut fields = Fields::of(r#"{"b":2,"a":"x","t":5,"f":true,"n":null}"#).unwrap();
    assert_eq!((fields.text("a"), fields.number("b")), ("x".to_owned(), 2));
    assert_eq!(fields.time("t").as_millis(), 5);
    assert!(fields.flag("f") && !fields.flag("g"));
    assert_eq!(
        (fields.optional_text("n"), fields.optional_number("m")),
        (None, None)
    );
    assert!(fields.are_sound());
    for json in [
        r#"{"a":1}"#,
        r#"{"b":"2"}"#,
        r#"{"b":-1}"#,
        r#"{"b":1.0}"#,
        "{}",
        r#"{"t":1e3}"#,
    ] {
        let mut fields = Fields::of(json).unwrap();
        match json.as_bytes().get(2) {
            Some(b'a') => drop(fields.text("a")),
            Some(b't') => drop(fields.time("t")),
            _ => drop(fields.number("b")),
        }
        assert!(!fields.are_sound(), "{json}");
    }
}
