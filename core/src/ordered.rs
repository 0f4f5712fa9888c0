//! Tables in memory, sorted.
//!
//! There is one piece of code for all of them, whatever they hold. A tree of the standard library is compiled anew for each type in it, about seven
//! kilobytes every time, and the npm package is paid for by the byte.

use std::cmp::Ordering;
use std::sync::Arc;

/// How many entries a run holds before it is split.
const RUN: usize = 128;

/// A place in the order: by two numbers, then by the bytes of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place<'a> {
    pub(crate) first: i64,
    pub(crate) second: i64,
    pub(crate) name: &'a str,
}

impl<'a> Place<'a> {
    /// Where only names count.
    pub(crate) fn of(name: &'a str) -> Self {
        Self {
            first: 0,
            second: 0,
            name,
        }
    }
}

/// What stands at a place.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    first: i64,
    second: i64,
    pub(crate) name: Arc<str>,
    pub(crate) value: u64,
}

impl Item {
    pub(crate) fn new(first: i64, second: i64, name: Arc<str>, value: u64) -> Self {
        Self {
            first,
            second,
            name,
            value,
        }
    }

    fn place(&self) -> Place<'_> {
        Place {
            first: self.first,
            second: self.second,
            name: &self.name,
        }
    }
}

/// Items in order, one to a place: a row of short runs, so that growing moves little.
#[derive(Debug, Default)]
pub(crate) struct Sorted {
    /// None is empty.
    runs: Vec<Vec<Item>>,
    len: usize,
}

/// Before which item: the run, and the index in it.
type Position = (usize, usize);

impl Sorted {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The item at that place.
    pub(crate) fn get(&self, place: Place<'_>) -> Option<&Item> {
        let (run, index) = self.find(place, Ordering::Less);
        let item = self.runs.get(run)?.get(index)?;
        (item.place() == place).then_some(item)
    }

    /// The value under that name, where only names count.
    pub(crate) fn value(&self, name: &str) -> Option<u64> {
        self.get(Place::of(name)).map(|item| item.value)
    }

    /// Puts an item at its place; back comes the value of the one that was there.
    pub(crate) fn insert(&mut self, item: Item) -> Option<u64> {
        let (at, index) = self.find(item.place(), Ordering::Less);
        // What comes last goes into the last run.
        let at = at.min(self.runs.len().saturating_sub(1));
        let Some(run) = self.runs.get_mut(at) else {
            self.runs.push(vec![item]);
            self.len = 1;
            return None;
        };
        let index = if run.last().is_some_and(|last| last.place() < item.place()) {
            run.len()
        } else {
            index
        };
        if let Some(there) = run.get_mut(index)
            && there.place() == item.place()
        {
            return Some(std::mem::replace(there, item).value);
        }
        if run.len() < RUN {
            run.insert(index, item);
        } else if index == RUN {
            // At the end, where growing tables grow, runs are left full.
            self.runs.insert(at + 1, vec![item]);
        } else {
            let rest = run.split_off(RUN / 2);
            self.runs.insert(at + 1, rest);
            return self.insert(item);
        }
        self.len += 1;
        None
    }

    /// Takes out the item at that place.
    pub(crate) fn remove(&mut self, place: Place<'_>) -> Option<Item> {
        let (at, index) = self.find(place, Ordering::Less);
        let run = self.runs.get_mut(at)?;
        if run.get(index)?.place() != place {
            return None;
        }
        let item = run.remove(index);
        self.len -= 1;
        if run.is_empty() {
            self.runs.remove(at);
        }
        Some(item)
    }

    /// All items.
    pub(crate) fn items(&self) -> Items<'_> {
        Items {
            sorted: self,
            from: (0, 0),
            to: (self.runs.len(), 0),
        }
    }

    /// The items from that place on, or after it.
    pub(crate) fn from(&self, place: Place<'_>, is_after: bool) -> Items<'_> {
        let below = if is_after {
            Ordering::Equal
        } else {
            Ordering::Less
        };
        Items {
            from: self.find(place, below),
            ..self.items()
        }
    }

    /// The items before that place.
    pub(crate) fn before(&self, place: Place<'_>) -> Items<'_> {
        Items {
            to: self.find(place, Ordering::Less),
            ..self.items()
        }
    }

    /// Whether the same places are in both.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let places = self.items().map(Item::place);
        self.len == other.len && places.eq(other.items().map(Item::place))
    }

    /// After the items below that place; those at it are below if `below` is `Equal`.
    fn find(&self, place: Place<'_>, below: Ordering) -> Position {
        let is_below = |item: &Item| item.place().cmp(&place) <= below;
        let run = self
            .runs
            .partition_point(|run| run.last().is_none_or(is_below));
        let index = self
            .runs
            .get(run)
            .map_or(0, |run| run.partition_point(is_below));
        (run, index)
    }
}

/// A walk over items in order.
#[derive(Debug, Clone)]
pub(crate) struct Items<'a> {
    sorted: &'a Sorted,
    from: Position,
    to: Position,
}

impl<'a> Iterator for Items<'a> {
    type Item = &'a Item;

    fn next(&mut self) -> Option<&'a Item> {
        if self.from >= self.to {
            return None;
        }
        let (run, index) = self.from;
        let items = self.sorted.runs.get(run)?;
        self.from = if index + 1 < items.len() {
            (run, index + 1)
        } else {
            (run + 1, 0)
        };
        items.get(index)
    }
}

impl DoubleEndedIterator for Items<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.from >= self.to {
            return None;
        }
        let (mut run, mut end) = self.to;
        if end == 0 {
            run = run.checked_sub(1)?;
            end = self.sorted.runs.get(run)?.len();
        }
        self.to = (run, end - 1);
        self.sorted.runs.get(run)?.get(end - 1)
    }
}

/// Rows by name.
#[derive(Debug)]
pub(crate) struct Table<T> {
    /// The slot of each name.
    names: Sorted,
    rows: Vec<Option<Box<T>>>,
    free: Vec<u64>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            names: Sorted::default(),
            rows: Vec::new(),
            free: Vec::new(),
        }
    }
}

fn index(slot: u64) -> usize {
    usize::try_from(slot).unwrap_or(usize::MAX)
}

impl<T> Table<T> {
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.slot(name).is_some()
    }

    /// Where the row of that name is: a number that stays for as long as the row does.
    pub(crate) fn slot(&self, name: &str) -> Option<u64> {
        self.names.value(name)
    }

    pub(crate) fn at(&self, slot: u64) -> Option<&T> {
        self.rows.get(index(slot))?.as_deref()
    }

    pub(crate) fn at_mut(&mut self, slot: u64) -> Option<&mut T> {
        self.rows.get_mut(index(slot))?.as_deref_mut()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&T> {
        self.at(self.slot(name)?)
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut T> {
        let slot = self.slot(name)?;
        self.at_mut(slot)
    }

    /// The name as the table holds it, to be shared.
    pub(crate) fn name(&self, name: &str) -> Option<&Arc<str>> {
        self.names.get(Place::of(name)).map(|item| &item.name)
    }

    /// Puts a row, in place of the one that was there. Back comes its slot.
    pub(crate) fn insert(&mut self, name: Arc<str>, row: T) -> u64 {
        let slot = match self.slot(&name) {
            Some(slot) => slot,
            None => self.slot_for(name),
        };
        if let Some(place) = self.rows.get_mut(index(slot)) {
            *place = Some(Box::new(row));
        }
        slot
    }

    fn slot_for(&mut self, name: Arc<str>) -> u64 {
        let slot = self.free.pop().unwrap_or(self.rows.len() as u64);
        if index(slot) == self.rows.len() {
            self.rows.push(None);
        }
        self.names.insert(Item::new(0, 0, name, slot));
        slot
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<T> {
        let slot = self.names.remove(Place::of(name))?.value;
        self.free.push(slot);
        self.rows.get_mut(index(slot))?.take().map(|row| *row)
    }

    /// All rows with their names, in order of these.
    pub(crate) fn iter(&self) -> Rows<'_, T> {
        self.rows_of(self.names.items())
    }

    /// The rows from that name on, or after it.
    pub(crate) fn from(&self, name: &str, is_after: bool) -> Rows<'_, T> {
        self.rows_of(self.names.from(Place::of(name), is_after))
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.iter().map(|(_, row)| row)
    }

    fn rows_of<'a>(&'a self, items: Items<'a>) -> Rows<'a, T> {
        Rows { table: self, items }
    }

    /// Takes all out, in order of the names.
    pub(crate) fn take_each(mut self, each: &mut dyn FnMut(&Arc<str>, T)) {
        for item in self.names.items() {
            if let Some(row) = self.rows.get_mut(index(item.value)).and_then(Option::take) {
                each(&item.name, *row);
            }
        }
    }
}

impl<T: Default> Table<T> {
    /// The row of that name, a default one where there was none.
    pub(crate) fn or_default(&mut self, name: &Arc<str>) -> &mut T {
        let slot = match self.slot(name) {
            Some(slot) => slot,
            None => self.slot_for(Arc::clone(name)),
        };
        self.rows[index(slot)].get_or_insert_default()
    }
}

/// A walk over rows in order of their names.
pub(crate) struct Rows<'a, T> {
    table: &'a Table<T>,
    items: Items<'a>,
}

impl<'a, T> Iterator for Rows<'a, T> {
    type Item = (&'a Arc<str>, &'a T);

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.items.next()?;
        Some((&item.name, self.table.at(item.value)?))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn place(key: (i64, i64, &str)) -> Place<'_> {
        Place {
            first: key.0,
            second: key.1,
            name: key.2,
        }
    }

    fn key(item: &Item) -> (i64, i64, String) {
        (item.first, item.second, item.name.to_string())
    }

    /// A small generator of our own, so that a failure can be repeated from its seed.
    struct Random(u64);

    impl Random {
        fn below(&mut self, n: u64) -> u64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (self.0 >> 33) % n
        }
    }

    type Model = BTreeMap<(i64, i64, String), u64>;

    fn compare(sorted: &Sorted, model: &Model, at: (i64, i64, &str)) {
        let owned = (at.0, at.1, at.2.to_owned());
        let all: Vec<_> = sorted.items().map(|item| (key(item), item.value)).collect();
        assert!(all.iter().map(|(k, v)| (k, v)).eq(model.iter()));
        assert_eq!(sorted.len(), model.len());
        let back: Vec<_> = sorted.items().rev().map(key).collect();
        assert!(back.iter().eq(model.keys().rev()));
        let from: Vec<_> = sorted.from(place(at), false).map(key).collect();
        assert!(from.iter().eq(model.range(owned.clone()..).map(|(k, _)| k)));
        let after: Vec<_> = sorted.from(place(at), true).rev().map(key).collect();
        let expected = model.range(owned.clone()..).rev().map(|(k, _)| k);
        assert!(after.iter().eq(expected.filter(|k| **k != owned)));
        let before: Vec<_> = sorted.before(place(at)).rev().map(key).collect();
        assert!(before.iter().eq(model.range(..owned).rev().map(|(k, _)| k)));
    }

    #[test]
    fn it_does_as_the_tree_of_the_standard_library_does() {
        for seed in 0..20 {
            let mut random = Random(seed);
            let (mut sorted, mut model) = (Sorted::default(), Model::new());
            // Rising places as well as any, and phases in which more is taken out than put in.
            for step in 0..3000_u64 {
                let first = if seed % 2 == 0 {
                    step
                } else {
                    random.below(900)
                };
                let name = format!("n{}", random.below(3));
                let at = (first.cast_signed() / 2, 0, name.as_str());
                let owned = (at.0, at.1, name.clone());
                if random.below(10) < 3 + 4 * (step / 1000 % 2) {
                    let victim = model.keys().nth(index(random.below(400))).cloned();
                    let (a, b, name) = victim.unwrap_or(owned);
                    let removed = sorted.remove(place((a, b, &name))).map(|item| item.value);
                    assert_eq!(removed, model.remove(&(a, b, name)), "seed {seed}");
                } else {
                    let item = Item::new(at.0, at.1, Arc::from(at.2), step);
                    assert_eq!(sorted.insert(item), model.insert(owned.clone(), step));
                    assert_eq!(sorted.get(place(at)).map(|item| item.value), Some(step));
                }
                if step % 100 == 0 {
                    compare(&sorted, &model, at);
                }
            }
            assert!(
                sorted
                    .runs
                    .iter()
                    .all(|run| !run.is_empty() && run.len() <= RUN)
            );
        }
    }

    #[test]
    fn slots_are_used_again_and_rows_stay_where_they_are() {
        let mut table = Table::default();
        let slots: Vec<u64> = ["b", "a", "c"]
            .map(|n| table.insert(Arc::from(n), n))
            .into();
        assert_eq!(table.remove("a"), Some("a"));
        assert_eq!(table.remove("a"), None);
        assert_eq!(table.at(slots[0]), Some(&"b"));
        assert_eq!(table.insert(Arc::from("d"), "d"), slots[1]);
        assert_eq!(table.insert(Arc::from("c"), "C"), slots[2]);
        let names: Vec<&str> = table.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["b", "c", "d"]);
        assert_eq!(table.from("b", true).next().map(|(_, row)| *row), Some("C"));
        assert_eq!(table.or_default(&Arc::from("e")).len(), 0);
        assert_eq!(table.len(), 4);
    }
}
