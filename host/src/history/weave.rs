//! A **weave** puts what stands by event type back into the order of the log.

use std::ops::Range as Span;

use super::window::Rows;

/// The chosen events of a batch, in log order, and where those of each type stand among them.
pub(super) struct Weave {
    /// Of each event its row in the block.
    rows: Vec<u16>,
    /// Of each event its group. There are no more groups, and no more rows, than 16 bits count.
    groups: Vec<u16>,
    /// For each group, for each of its events, its place; none where there is one group at most.
    places: Option<Vec<Vec<u16>>>,
}

impl Weave {
    /// For each group: the rows in the block of its events, and which of its events are chosen, all of them in `span`.
    pub fn new(groups: &[(&[u16], Rows<'_>)], span: &Span<usize>) -> Weave {
        match groups {
            [] => Weave { rows: Vec::new(), groups: Vec::new(), places: None },
            [(rows, picks)] => {
                let rows = each(rows, picks, |row| row);
                Weave { groups: vec![0; rows.len()], rows, places: None }
            }
            _ if groups.len() < usize::from(u8::MAX) => Weave::of_some::<u8>(groups, span),
            _ => Weave::of_some::<u32>(groups, span),
        }
    }

    /// Marks each chosen row with its group, counted from 1, and goes through the marks in log order. Nothing in it
    /// branches for an event.
    fn of_some<Mark: Copy + Default + TryFrom<usize> + Into<u32>>(
        groups: &[(&[u16], Rows<'_>)],
        span: &Span<usize>,
    ) -> Weave {
        let mut marks = vec![Mark::default(); span.len()];
        for (number, (rows, picks)) in groups.iter().enumerate() {
            let mark = Mark::try_from(number + 1).unwrap_or_default(); // it was made sure that it fits
            match picks {
                Rows::Window(window) => {
                    rows[window.clone()].iter().for_each(|&row| marks[usize::from(row) - span.start] = mark);
                }
                Rows::Chosen(picks) => {
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
        Weave { rows: log, groups: of, places: Some(places.collect()) }
    }

    /// How many events.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Of each event in log order its row in the block.
    pub fn rows(&self) -> &[u16] {
        &self.rows
    }

    /// Of each event in log order its group.
    pub fn groups(&self) -> &[u16] {
        &self.groups
    }

    /// Puts a value of each chosen event of a group where it belongs.
    pub fn put<T>(&self, group: usize, woven: &mut [T], values: impl Iterator<Item = T>) {
        match &self.places {
            None => woven.iter_mut().zip(values).for_each(|(place, value)| *place = value),
            Some(places) => {
                places[group].iter().zip(values).for_each(|(&place, value)| woven[usize::from(place)] = value);
            }
        }
    }
}

fn each(rows: &[u16], picks: &Rows<'_>, place: impl Fn(u16) -> u16) -> Vec<u16> {
    match picks {
        Rows::Window(window) => rows[window.clone()].iter().map(|&row| place(row)).collect(),
        Rows::Chosen(picks) => picks.iter().map(|&at| place(rows[at as usize])).collect(),
    }
}
