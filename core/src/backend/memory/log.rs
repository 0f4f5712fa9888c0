//! The messages of one session in order of `seq`: a row of short runs, so that growing copies little and both ends are cheap.

use std::collections::VecDeque;

use super::entry::Entry;

/// How many entries a run holds. A full run is exactly allocated; only the last one has room to spare.
const RUN: usize = 128;

/// Entries sorted by `seq`.
#[derive(Default)]
pub(super) struct Log {
    /// None is empty.
    runs: VecDeque<Vec<Entry>>,
    len: usize,
}

impl Log {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get(&self, seq: u64) -> Option<&Entry> {
        let run = self.runs.get(self.runs_before(seq))?;
        let index = run.binary_search_by_key(&seq, |entry| entry.seq).ok()?;
        run.get(index)
    }

    /// The entries with `first <= seq <= last`, oldest first.
    pub(super) fn range(&self, first: u64, last: u64) -> impl DoubleEndedIterator<Item = &Entry> {
        let (from, to) = self.runs_of(first, last);
        self.runs.range(from..to).flat_map(move |run| {
            let (from, to) = clip(run, first, last);
            run.get(from..to).unwrap_or_default()
        })
    }

    /// Adds an entry; one with the same `seq` is replaced.
    pub(super) fn insert(&mut self, entry: Entry) {
        let at = self.runs_before(entry.seq);
        match self.runs.get_mut(at) {
            None => self.push(entry),
            Some(run) => match run.binary_search_by_key(&entry.seq, |entry| entry.seq) {
                Ok(index) => run[index] = entry,
                Err(index) => {
                    run.insert(index, entry);
                    self.len += 1;
                    self.split_if_long(at);
                }
            },
        }
    }

    /// Takes out the entries with `first <= seq <= last`.
    pub(super) fn remove(&mut self, first: u64, last: u64) -> Vec<Entry> {
        let (from, to) = self.runs_of(first, last);
        let mut removed = Vec::new();
        for run in self.runs.range_mut(from..to) {
            let (from, to) = clip(run, first, last);
            removed.extend(run.drain(from..to));
        }
        self.len -= removed.len();
        self.drop_empty(from, to);
        removed
    }

    /// All entries, oldest first.
    pub(super) fn into_entries(self) -> impl Iterator<Item = Entry> {
        self.runs.into_iter().flatten()
    }

    fn push(&mut self, entry: Entry) {
        match self.runs.back_mut() {
            Some(run) if run.len() < RUN => run.push(entry),
            _ => self.runs.push_back(vec![entry]),
        }
        self.len += 1;
    }

    /// How many runs lie wholly before `seq`.
    fn runs_before(&self, seq: u64) -> usize {
        self.runs
            .partition_point(|run| run.last().is_none_or(|entry| entry.seq < seq))
    }

    /// The runs that may hold entries with `first <= seq <= last`.
    fn runs_of(&self, first: u64, last: u64) -> (usize, usize) {
        let from = self.runs_before(first);
        let to = self
            .runs
            .partition_point(|run| run.first().is_none_or(|entry| entry.seq <= last));
        (from, to.max(from))
    }

    /// Old numbers coming in (an import) make a run longer than usual; it is not let grow without end.
    fn split_if_long(&mut self, at: usize) {
        if let Some(run) = self.runs.get_mut(at)
            && run.len() > 2 * RUN
        {
            let rest = run.split_off(RUN);
            self.runs.insert(at + 1, rest);
        }
    }

    /// Of the runs `from..to`, which a removal went through, only the first and the last can have kept entries.
    fn drop_empty(&mut self, mut from: usize, mut to: usize) {
        if from < to && !self.runs[from].is_empty() {
            from += 1;
        }
        if from < to && !self.runs[to - 1].is_empty() {
            to -= 1;
        }
        self.runs.drain(from..to);
    }
}

/// The part of a run with `first <= seq <= last`.
fn clip(run: &[Entry], first: u64, last: u64) -> (usize, usize) {
    let from = run.partition_point(|entry| entry.seq < first);
    let to = run.partition_point(|entry| entry.seq <= last);
    (from, to.max(from))
}
