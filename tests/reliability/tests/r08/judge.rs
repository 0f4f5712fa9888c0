//! What may come of damage, and what may not.

use std::collections::BTreeMap;

use reliability::sample;
use serde_json::Value;

use super::Samples;

/// What came of it in a word or two, and what should not have.
pub(super) type Judgement = (String, Vec<String>);

/// What is wrong with any damaged database: an archive that was written but cannot be read.
pub(super) fn archives(seen: &Value) -> Vec<String> {
    ["strict", "tolerant"]
        .into_iter()
        .filter(|kind| {
            seen[*kind]
                .as_str()
                .is_some_and(|it| it.starts_with("not imported"))
        })
        .map(|kind| format!("the {kind} archive is {}", seen[kind]))
        .collect()
}

pub(super) fn judge_database(seen: &Value, samples: &Samples) -> Judgement {
    if seen["open"] != "ok" {
        return (format!("does not open: {}", seen["open"]), vec![]);
    }
    let mut wrong = archives(seen);
    if seen["check"] != "sound" {
        return (format!("check: {}", seen["check"]), wrong);
    }
    // The database without its WAL: the late messages are not there.
    let mut expected = samples.good_rows.clone();
    expected[sample::LATE] = Value::Array(vec![]);
    for part in ["others", "strict", "tolerant"] {
        if seen[part] != "ok" {
            wrong.push(format!("it is sound, but {part}: {}", seen[part]));
        }
    }
    if numbers(&seen["rows"]) != numbers(&expected) {
        wrong.push(format!(
            "it is sound, but holds other messages: {:?}",
            numbers(&seen["rows"])
        ));
    }
    let outcome = if seen["rows"] == expected {
        "sound"
    } else {
        "sound, with a content changed"
    };
    (outcome.to_owned(), wrong)
}

pub(super) fn judge_wal(seen: &Value, samples: &Samples, sound_until: usize) -> Judgement {
    let mut wrong = archives(seen);
    if seen["open"] != "ok" || seen["check"] != "sound" {
        wrong.push(format!(
            "a WAL that ends early is nothing unsound: open {}, check {}",
            seen["open"], seen["check"]
        ));
        return ("unsound".to_owned(), wrong);
    }
    let late = seen["rows"][sample::LATE].as_array().map_or(0, Vec::len);
    let mut expected = samples.good_rows.clone();
    let all = expected[sample::LATE].as_array_mut().unwrap();
    let least = samples.good.late_within(sound_until);
    if late < least {
        wrong.push(format!("{late} late messages of at least {least}"));
    }
    all.truncate(late);
    if seen["rows"] != expected {
        wrong.push("what is there is no earlier state".to_owned());
    }
    ("sound, with what was whole".to_owned(), wrong)
}

pub(super) fn judge_foreign(seen: &Value, samples: &Samples) -> Judgement {
    let wrong = archives(seen);
    if seen["open"] != "ok" {
        return (format!("does not open: {}", seen["open"]), wrong);
    }
    if seen["check"] != "sound" {
        return (format!("check: {}", seen["check"]), wrong);
    }
    let rows = numbers(&seen["rows"]);
    let late = seen["rows"][sample::LATE].as_array().map_or(0, Vec::len);
    let whole = [&samples.good_rows, &samples.other_rows]
        .into_iter()
        .any(|expected| {
            let mut expected = expected.clone();
            expected[sample::LATE]
                .as_array_mut()
                .unwrap()
                .truncate(late);
            numbers(&expected) == rows
        });
    let wrong = if whole {
        wrong
    } else {
        vec!["it is sound, but holds other messages".to_owned()]
    };
    ("sound".to_owned(), wrong)
}

/// Which messages there are, whatever they say.
pub(super) fn numbers(rows: &Value) -> BTreeMap<&str, Vec<u64>> {
    let rows = rows.as_object().into_iter().flatten();
    rows.map(|(id, messages)| {
        let messages = messages.as_array().unwrap().iter();
        (
            id.as_str(),
            messages.map(|it| it[0].as_u64().unwrap()).collect(),
        )
    })
    .collect()
}
