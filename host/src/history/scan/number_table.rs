//! A **number table**: something known of each number of a store, as an array where numbers are dense.

use hashbrown::HashMap;

/// Numbers that one page of the array holds.
const PAGE: usize = 4096;
/// Pages that the array has at most, of 16 KiB each; numbers beyond it, and negative ones, are hashed.
const PAGES_MAX: usize = 4096;
/// Stands where nothing is known; no value is as large.
const NONE: u32 = u32::MAX;

#[derive(Default)]
pub(super) struct NumberTable {
    pages: Vec<Option<Box<[u32; PAGE]>>>,
    others: HashMap<i64, u32, foldhash::fast::RandomState>,
}

impl NumberTable {
    #[inline]
    pub fn get(&self, number: i64) -> Option<u32> {
        match paged(number) {
            Some((page, place)) => {
                let known = self.pages.get(page)?.as_ref()?[place];
                (known != NONE).then_some(known)
            }
            None => self.others.get(&number).copied(),
        }
    }

    pub fn set(&mut self, number: i64, value: u32) {
        let Some((page, place)) = paged(number) else {
            self.others.insert(number, value);
            return;
        };
        if self.pages.len() <= page {
            self.pages.resize_with(page + 1, || None);
        }
        self.pages[page].get_or_insert_with(|| Box::new([NONE; PAGE]))[place] = value;
    }
}

fn paged(number: i64) -> Option<(usize, usize)> {
    let number = usize::try_from(number).ok().filter(|number| *number < PAGE * PAGES_MAX)?;
    Some((number / PAGE, number % PAGE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_on_both_sides_of_every_border_are_told_apart() {
        let end = (PAGE * PAGES_MAX) as i64;
        let numbers = [0, 1, 4095, 4096, 4097, end - 1, end, end + 1, -1, i64::MAX, i64::MIN];
        let mut table = NumberTable::default();
        for (value, number) in (0..).zip(numbers) {
            assert_eq!(table.get(number), None, "{number}");
            table.set(number, value);
        }
        for (value, number) in (0..).zip(numbers) {
            assert_eq!(table.get(number), Some(value), "{number}");
        }
        assert_eq!((table.get(2), table.get(end + 2), table.others.len()), (None, None, 5));
    }
}
