//! Integers of more digits than the interpreter converts by itself (`sys.set_int_max_str_digits`), between decimal and hexadecimal.

/// The largest power of ten in a `u64`, and how many digits it has room for.
const TEN_TO_19: u128 = 10_000_000_000_000_000_000;
const DECIMALS: usize = 19;
/// How many hexadecimal digits fit into a `u64`.
const HEX: usize = 16;

/// The most decimal digits that are converted. The effort grows with their square: this many take about a third of a second.
pub(super) const MOST: usize = 100_000;

/// Digits of one base, most significant first, in another: least significant first.
fn rebase(digits: impl Iterator<Item = u64>, from: u128, to: u128) -> Vec<u64> {
    let mut out: Vec<u64> = Vec::new();
    for digit in digits {
        let mut carry = u128::from(digit);
        for limb in &mut out {
            carry += u128::from(*limb) * from;
            *limb = u64::try_from(carry % to).unwrap_or(0); // below `to`, which is at most 2^64
            carry /= to;
        }
        while carry > 0 {
            out.push(u64::try_from(carry % to).unwrap_or(0));
            carry /= to;
        }
    }
    out
}

/// Groups of `size` digits, the first one shorter, as numbers.
fn groups(digits: &str, size: usize, radix: u32) -> impl Iterator<Item = u64> {
    let first = digits.len() % size;
    let (head, tail) = digits.as_bytes().split_at(first);
    std::iter::once(head)
        .chain(tail.chunks(size))
        .filter(|group| !group.is_empty())
        .map(move |group| {
            let text = std::str::from_utf8(group).unwrap_or("0");
            u64::from_str_radix(text, radix).unwrap_or(0)
        })
}

fn write(limbs: &[u64], format: impl Fn(&u64, bool) -> String) -> String {
    let mut rest = limbs.iter().rev();
    let mut out = rest
        .next()
        .map_or_else(|| "0".to_owned(), |limb| format(limb, false));
    for limb in rest {
        out.push_str(&format(limb, true));
    }
    out
}

/// Decimal digits without sign, as hexadecimal ones.
pub(super) fn to_hex(decimal: &str) -> String {
    let limbs = rebase(groups(decimal, DECIMALS, 10), TEN_TO_19, 1 << 64);
    write(&limbs, |limb, pad| {
        if pad {
            format!("{limb:016x}")
        } else {
            format!("{limb:x}")
        }
    })
}

/// Hexadecimal digits without sign and prefix, as decimal ones.
pub(super) fn to_decimal(hex: &str) -> String {
    let limbs = rebase(groups(hex, HEX, 16), 1 << 64, TEN_TO_19);
    write(&limbs, |limb, pad| {
        if pad {
            format!("{limb:019}")
        } else {
            format!("{limb}")
        }
    })
}
