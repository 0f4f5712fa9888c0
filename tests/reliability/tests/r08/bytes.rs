//! Ways for bytes to be damaged.

use reliability::Chance;

use super::PAGE;

fn place(bytes: &[u8], chance: &mut Chance) -> usize {
    usize::try_from(chance.below(bytes.len() as u64)).unwrap()
}

pub(super) fn flipped(bytes: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=chance.below(4) {
        let at = place(&bytes, chance);
        bytes[at] = match chance.below(3) {
            0 => bytes[at] ^ (1 << chance.below(8)),
            1 => chance.pick(&[0, 1, 0x7f, 0x80, 0xff]),
            _ => u8::try_from(chance.below(256)).unwrap(),
        };
    }
    bytes
}

/// Where SQLite keeps what leads to other places: the file's header, and the beginnings of pages.
pub(super) fn flipped_headers(bytes: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=chance.below(3) {
        let page = place(&bytes, chance) / PAGE;
        let within = usize::try_from(chance.below(if page == 0 { 120 } else { 40 })).unwrap();
        bytes[page * PAGE + within] = u8::try_from(chance.below(256)).unwrap();
    }
    bytes
}

/// Swaps two pieces, writes one over another, or empties one.
pub(super) fn moved(bytes: &[u8], from: usize, size: usize, chance: &mut Chance) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let count = ((bytes.len() - from) / size) as u64;
    let mut piece = || {
        let start = from + usize::try_from(chance.below(count)).unwrap() * size;
        start..start + size
    };
    let (a, b) = (piece(), piece());
    let (first, second) = (bytes[a.clone()].to_vec(), bytes[b.clone()].to_vec());
    match chance.below(3) {
        0 => {
            bytes[a].copy_from_slice(&second);
            bytes[b].copy_from_slice(&first);
        }
        1 => bytes[a].copy_from_slice(&second),
        _ => bytes[a].fill(0),
    }
    bytes
}

pub(super) fn lines_moved(bytes: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let count = lines.len() as u64;
    let mut line = || usize::try_from(chance.below(count)).unwrap();
    let (a, b) = (line(), line());
    match chance.below(3) {
        0 => lines.swap(a, b),
        1 => drop(lines.remove(a)),
        _ => lines.insert(a, lines[b]),
    }
    lines.concat()
}
