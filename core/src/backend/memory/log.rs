//! The messages of one session in order of `seq`: a row of short runs, so that growing copies little and both ends are cheap.

use super::entry::Entry;

/// How many entries a run holds. A full run is exactly allocated; only the last one has room to spare.
const RUN: usize = 128;

/// Entries sorted by `seq`.
#[derive(Default)]
pub(super) struct Log {
    /// None is empty.
    runs: Vec<Vec<Entry>>,
    len: usize,
}

/// Before which entry: the run, and the index in it.
type Position = (usize, usize);

impl Log {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get(&self, seq: u64) -> Option<&Entry> {
        self.range(seq, seq).next()
    }

    /// The entries with `first <= seq <= last`, oldest first.
    pub(super) fn range(&self, first: u64, last: u64) -> Entries<'_> {
        let from = self.position(first);
        let to = match last.checked_add(1) {
            Some(end) => self.position(end),
            None => (self.runs.len(), 0),
        };
        Entries {
            runs: &self.runs,
            from,
            to: to.max(from),
        }
    }

    /// Adds an entry; one with the same `seq` is replaced.
    pub(super) fn insert(&mut self, entry: Entry) {
        let (at, index) = self.position(entry.seq);
        match self.runs.get_mut(at) {
            None => self.push(entry),
            Some(run) if run[index].seq == entry.seq => run[index] = entry,
            Some(run) => {
                run.insert(index, entry);
                self.len += 1;
                self.split_if_long(at);
            }
        }
    }

    /// Takes out the entries with `first <= seq <= last`.
    pub(super) fn remove(&mut self, first: u64, last: u64) -> Vec<Entry> {
        let Entries { from, to, .. } = self.range(first, last);
        let mut removed = Vec::new();
        let runs = self.runs.iter_mut().enumerate().skip(from.0);
        for (at, run) in runs.take_while(|(at, _)| *at <= to.0) {
            let start = if at == from.0 { from.1 } else { 0 };
            let end = if at == to.0 { to.1 } else { run.len() };
            removed.extend(run.drain(start..end));
        }
        self.len -= removed.len();
        self.drop_empty(from.0, to.0);
        removed
    }

    /// Of the runs that a removal went through only the first and the last can have kept entries.
    fn drop_empty(&mut self, first: usize, last: usize) {
        let is_empty = |run: usize| self.runs.get(run).is_some_and(Vec::is_empty);
        let from = first + usize::from(!is_empty(first));
        let to = last + usize::from(is_empty(last));
        if from < to {
            self.runs.drain(from..to);
        }
    }

    /// All entries, oldest first.
    pub(super) fn into_entries(self) -> impl Iterator<Item = Entry> {
        self.runs.into_iter().flatten()
    }

    fn push(&mut self, entry: Entry) {
        match self.runs.last_mut() {
            Some(run) if run.len() < RUN => run.push(entry),
            _ => self.runs.push(vec![entry]),
        }
        self.len += 1;
    }

    /// The position of the first entry that is not before `seq`.
    fn position(&self, seq: u64) -> Position {
        let is_before = |entry: &Entry| entry.seq < seq;
        // Mostly the place after the last is asked for.
        let last = self.runs.last().and_then(|run| run.last());
        if last.is_none_or(is_before) {
            return (self.runs.len(), 0);
        }
        let run = self
            .runs
            .partition_point(|run| run.last().is_none_or(is_before));
        let index = self
            .runs
            .get(run)
            .map_or(0, |run| run.partition_point(is_before));
        (run, index)
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
}

/// A walk over entries, from both ends.
#[derive(Clone, Default)]
pub(super) struct Entries<'a> {
    runs: &'a [Vec<Entry>],
    from: Position,
    to: Position,
}

impl<'a> Iterator for Entries<'a> {
    type Item = &'a Entry;

    fn next(&mut self) -> Option<&'a Entry> {
        if self.from >= self.to {
            return None;
        }
        let (run, index) = self.from;
        let entries = self.runs.get(run)?;
        self.from = if index + 1 < entries.len() {
            (run, index + 1)
        } else {
            (run + 1, 0)
        };
        entries.get(index)
    }
}

impl DoubleEndedIterator for Entries<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.from >= self.to {
            return None;
        }
        let (mut run, mut end) = self.to;
        if end == 0 {
            run = run.checked_sub(1)?;
            end = self.runs.get(run)?.len();
        }
        self.to = (run, end - 1);
        self.runs.get(run)?.get(end - 1)
    }
}
