#![allow(clippy::unwrap_used, reason = "tests")]

use std::cell::RefCell;
use std::rc::Rc;

use super::*;
use crate::store::Store;

fn corrupted() -> Error {
    Error::new(ErrorCode::Corrupted, "the test made this row unreadable")
}

/// Rows numbered from 1, all of one size, some of them unreadable; and how many were asked for each time.
struct Numbers {
    count: u64,
    size: usize,
    unreadable: &'static [u64],
    asked: Rc<RefCell<Vec<usize>>>,
}

struct Number {
    key: u64,
    size: usize,
}

impl Source for Numbers {
    type Key = u64;
    type Row = Number;

    fn page(&self, _: &mut dyn ReadTransaction, after: &u64, limit: usize) -> Result<Vec<Number>> {
        self.asked.borrow_mut().push(limit);
        let row = |key| {
            if self.unreadable.contains(&key) {
                return Err(corrupted());
            }
            Ok(Number {
                key,
                size: self.size,
            })
        };
        (after + 1..=self.count).take(limit).map(row).collect()
    }

    fn key(row: &Number) -> u64 {
        row.key
    }

    fn size(row: &Number) -> usize {
        row.size
    }
}

/// The keys of the rows that come, the stretches that cannot be read, and how many rows were asked for each time.
type Read = (Vec<u64>, Vec<(u64, Option<u64>)>, Vec<usize>);

fn read(count: u64, size: usize, unreadable: &'static [u64]) -> Read {
    let asked = Rc::default();
    let numbers = Numbers {
        count,
        size,
        unreadable,
        asked: Rc::clone(&asked),
    };
    let mut pages = Some(Pages::new(numbers));
    let (mut keys, mut lost) = (Vec::new(), Vec::new());
    let store = Store::in_memory().unwrap();
    store
        .read(|tx| {
            let mut pages = pages.take().unwrap();
            let mut damage = Damage::is_passed();
            loop {
                match pages.next(tx, &mut damage)? {
                    Next::Row(row) => keys.push(row.key),
                    Next::Unreadable { after, last } => lost.push((after, last)),
                    Next::End => return Ok(()),
                }
            }
        })
        .unwrap();
    (keys, lost, asked.take())
}

/// How many rows were asked for each time, all of them readable.
fn asked(count: u64, size: usize) -> Vec<usize> {
    let (keys, lost, asked) = read(count, size, &[]);
    assert_eq!(keys, (1..=count).collect::<Vec<_>>());
    assert_eq!(lost, []);
    asked
}

#[test]
fn a_page_is_short_in_rows_and_one_that_is_not_full_is_the_last() {
    assert_eq!(asked(0, 1), [16]);
    assert_eq!(asked(40, 1), [16, 16, 16]);
    assert_eq!(asked(32, 1), [16, 16, 16]);
}

#[test]
fn a_page_of_many_bytes_makes_the_next_ones_shorter_until_they_are_small() {
    assert_eq!(asked(33, LARGE_PAGE / MAX_ROWS), [16, 16, 16]);
    assert_eq!(asked(50, LARGE_PAGE / MAX_ROWS + 1), [16, 4, 8, 16, 4, 8]);
    assert_eq!(asked(22, LARGE_PAGE + 1), [16, 4, 1, 1, 1]);
}

#[test]
fn what_cannot_be_read_is_passed_and_nothing_else() {
    let (keys, lost, _) = read(40, 1, &[20, 30]);
    let readable = |key: &u64| ![20, 30].contains(key);
    assert_eq!(keys, (1..=40).filter(readable).collect::<Vec<_>>());
    assert_eq!(lost, [(19, Some(20)), (29, Some(30))]);
    // Behind the last row there is nothing, and that can be read.
    let (keys, lost, _) = read(3, 1, &[3]);
    assert_eq!((keys, lost), (vec![1, 2], vec![(2, Some(3))]));
}

#[test]
fn attempts_to_get_past_damage_end() {
    let mut damage = Damage { left: 3 };
    assert!(damage.pass(Ok(())).unwrap().is_some());
    assert!(damage.probe(Ok(())).unwrap());
    assert!(damage.pass(Err::<(), _>(corrupted())).unwrap().is_none());
    assert!(damage.pass(Err::<(), _>(corrupted())).unwrap().is_none());
    damage.pass(Err::<(), _>(corrupted())).unwrap_err();
    assert!(damage.probe(Ok(())).unwrap());
    let mut damage = Damage { left: 2 };
    assert!(!damage.probe(Err::<(), _>(corrupted())).unwrap());
    damage.probe(Err::<(), _>(corrupted())).unwrap_err();
    let busy = Error::new(ErrorCode::Busy, "not damage");
    Damage::is_passed().pass(Err::<(), _>(busy)).unwrap_err();
    Damage::fails().pass(Err::<(), _>(corrupted())).unwrap_err();
}
