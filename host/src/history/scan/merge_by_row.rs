//! A **row merge** puts what stands by event type back into the order of the log.

use std::ops::Range as Span;

use super::window::Rows;
use crate::history::numbers::TakenType;

/// The chosen events of a batch, in log order, and where those of each type stand among them.
pub(super) struct RowMerge {
    /// Of each event its row in the block.
    rows: Vec<u16>,
    /// Of each event its group. There are no more groups, and no more rows, than 16 bits count.
    groups: Vec<u16>,
    /// For each group, for each of its events, its place; none where there is one group at most.
    places: Option<Vec<Vec<u16>>>,
}

impl RowMerge {
    /// For each group: the rows in the block of its events, and which of its events are chosen, all of them in `span`.
    pub fn new(groups: &[(&[u16], Rows<'_>)], span: &Span<usize>) -> RowMerge {
        match groups {
            [] => RowMerge { rows: Vec::new(), groups: Vec::new(), places: None },
            [(rows, picks)] => {
                let rows = each(rows, picks, |row| row);
                RowMerge { groups: vec![0; rows.len()], rows, places: None }
            }
            _ if groups.len() < usize::from(u8::MAX) => RowMerge::of_some::<u8>(groups, span),
            _ => RowMerge::of_some::<u32>(groups, span),
        }
    }

    /// Marks each chosen row with its group, counted from 1, and goes through the marks in log order. Nothing in it
    /// branches for an event.
    fn of_some<Mark: Copy + Default + TryFrom<usize> + Into<u32>>(
        groups: &[(&[u16], Rows<'_>)],
        span: &Span<usize>,
    ) -> RowMerge {
        let mut marks = vec![Mark::default(); span.len()];
        for (number, (rows, picks)) in groups.iter().enumerate() {
            let mark = Mark::try_from(number + 1).unwrap_or_default(); // it was made sure that it fits
            match picks {
                Rows::Window(window) => {
                    rows[window.clone()].iter().for_each(|&row| marks[usize::from(row) - span.start] = mark);
                }
                Rows::Picked(picks) => {
                    picks.iter().for_each(|&at| marks[usize::from(rows[at as usize]) - span.start] = mark);
                }
            }
        }
        let mut before = vec![0u16; span.len()];
        let (mut log, mut of) = (vec![0u16; span.len()], vec![0u16; span.len()]);
        let mut count = 0;
        for (row, (&mark, before)) in marks.iter().zip(&mut before).enumerate() {
            let mark: u32 = mark.into();
            *before = count as u16;
            log[count] = (span.start + row) as u16;
            of[count] = mark.wrapping_sub(1) as u16;
            count += usize::from(mark != 0);
        }
        log.truncate(count);
        of.truncate(count);
        let places = groups.iter().map(|(rows, picks)| each(rows, picks, |row| before[usize::from(row) - span.start]));
        RowMerge { rows: log, groups: of, places: Some(places.collect()) }
    }

    /// How many events.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Of each event in log order its row in the block.
    pub fn rows(&self) -> &[u16] {
        &self.rows
    }

    /// Of each event in log order its type.
    pub fn types(&self) -> impl Iterator<Item = TakenType> {
        self.groups.iter().copied().map(TakenType)
    }

    /// Puts a value of each chosen event of a group where it belongs.
    pub fn put<T>(&self, group: usize, merged: &mut [T], values: impl Iterator<Item = T>) {
        match &self.places {
            None => merged.iter_mut().zip(values).for_each(|(place, value)| *place = value),
            Some(places) => {
                places[group].iter().zip(values).for_each(|(&place, value)| merged[usize::from(place)] = value);
            }
        }
    }
}

fn each(rows: &[u16], picks: &Rows<'_>, place: impl Fn(u16) -> u16) -> Vec<u16> {
    match picks {
        Rows::Window(window) => rows[window.clone()].iter().map(|&row| place(row)).collect(),
        Rows::Picked(picks) => picks.iter().map(|&at| place(rows[at as usize])).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a merge should give, put together event by event.
    fn check(types: &[Vec<u16>], picked: Option<usize>, span: Span<usize>) {
        let window = |rows: &[u16]| {
            let before = |end: usize| rows.partition_point(|&row| usize::from(row) < end);
            before(span.start)..before(span.end)
        };
        // Every `picked`-th event of each type, or all of them.
        let chosen: Vec<Vec<u32>> =
            types.iter().map(|rows| window(rows).step_by(picked.unwrap_or(1)).map(|at| at as u32).collect()).collect();
        let picks = types.iter().zip(&chosen).map(|(rows, chosen)| match picked {
            Some(_) => Rows::Picked(chosen),
            None => Rows::Window(window(rows)),
        });
        let groups: Vec<_> = types.iter().map(|rows| &rows[..]).zip(picks).collect();
        let merged = RowMerge::new(&groups, &span);
        let mut expected: Vec<(u16, u16)> = Vec::new();
        for (group, (rows, chosen)) in types.iter().zip(&chosen).enumerate() {
            expected.extend(chosen.iter().map(|&at| (rows[at as usize], group as u16)));
        }
        expected.sort_unstable();
        let merged_rows: Vec<_> = merged.rows().iter().copied().zip(merged.types().map(|kind| kind.0)).collect();
        assert!(merged_rows == expected, "{} types, {span:?}", types.len());
        let mut rows = vec![0; merged.len()];
        for (group, (own, chosen)) in types.iter().zip(&chosen).enumerate() {
            merged.put(group, &mut rows, chosen.iter().map(|&at| own[at as usize]));
        }
        assert_eq!(rows, merged.rows());
    }

    #[test]
    fn types_are_put_back_into_log_order_up_to_the_last_row_of_the_largest_block() {
        // Of so many types, the last of which is left out once.
        for types in [1, 2, 3, 254, 255, 256, 300] {
            let of = |kind: usize| (0..=u16::MAX).filter(|&row| usize::from(row) % types == kind).collect::<Vec<u16>>();
            let all: Vec<_> = (0..types).map(of).collect();
            for span in [0..65_536, 65_535..65_536, 0..1, 100..100, 1_000..66_000 - 1_000] {
                for picked in [None, Some(1), Some(3)] {
                    check(&all, picked, span.clone());
                    check(&all[..types - 1], picked, span.clone());
                }
            }
        }
    }
}
