use super::*;
use crate::clock::Timestamp;
use crate::rules::limits;

/// Written, a control character takes most: six bytes for one.
fn controls(count: usize) -> String {
    "\u{1}".repeat(count)
}

fn line_of(content_bytes: usize) -> usize {
    let content = Content::text(controls(content_bytes));
    let mut message = Message::new(u64::MAX, controls(limits::ROLE), content, Timestamp::MAX);
    message.dedup_key = Some(controls(limits::DEDUP_KEY));
    message.token_count = Some(limits::TOKEN_COUNT);
    message.is_summary = true;
    let mut line = String::new();
    Line::Message(&message).write(&mut line);
    line.len()
}

#[test]
fn the_longest_line_that_is_written_may_be_read() {
    let with_one = line_of(1);
    // The largest content itself would be 384 MiB here: that each byte takes as much as the first is seen at a few.
    assert_eq!(line_of(1_001), with_one + 6_000);
    assert!(with_one + 6 * (Content::MAX_BYTES - 1) < MAX_LINE);
}

/// What is said of an archive whose second line is this.
fn said_of(line: &[u8]) -> String {
    let bytes = [HEADER.as_bytes(), b"\n", line, b"\n"].concat();
    let mut rest = bytes.as_slice();
    let mut take = |buffer: &mut [u8]| {
        let count = buffer.len().min(rest.len());
        let (now, later) = rest.split_at(count);
        buffer[..count].copy_from_slice(now);
        rest = later;
        Ok(count)
    };
    let error = Reader::new(&mut take).unwrap().read().unwrap_err();
    assert_eq!(error.code(), ErrorCode::Corrupted);
    error.message().to_owned()
}

#[test]
fn only_a_message_has_a_line_longer_than_others() {
    let mut line = b"{\"session\":".to_vec();
    line.resize(MAX_OTHER_LINE, b'x');
    assert!(!said_of(&line).contains("too long"));
    line.push(b'x');
    assert!(said_of(&line).contains("too long"));
    let mut message = b"{\"message\":".to_vec();
    message.resize(MAX_OTHER_LINE + 1, b'x');
    assert!(!said_of(&message).contains("too long"));
}

#[test]
fn a_line_that_cannot_be_is_told_by_its_place_and_not_quoted() {
    assert!(said_of(b"\"secret\"").ends_with("at column 1"));
    assert!(said_of(b"{\"message\":secret}").contains("at column 12"));
    assert!(said_of(b"{\"context\":{}}").contains("a member is missing"));
}
