//! A **weave** puts what stands by event type back into the order of the log.

use std::ops::Range as Span;

use super::window::Rows;

/// Where in a batch the chosen events of each type stand.
pub(super) struct Weave {
    length: usize,
    /// For each group, for each of its events; none where there is one group at most.
    places: Option<Vec<Vec<u16>>>,
}

impl Weave {
    /// For each group: the rows in the block of its events, and which of its events are chosen. `is_everything` says
    /// that those are all rows of `span`.
    pub fn new(groups: &[(&[u16], Rows<'_>)], span: &Span<usize>, is_everything: bool) -> Weave {
        let length = groups.iter().map(|(_, picks)| picks.len()).sum();
        if groups.len() < 2 {
            return Weave { length, places: None };
        }
        if is_everything {
            let places = groups.iter().map(|(rows, picks)| each(rows, picks, |row| row - span.start));
            return Weave { length, places: Some(places.collect()) };
        }
        // Marks what is chosen, then counts along the log. A block has at most as many rows as 16 bits count.
        let mut before = vec![0u16; span.len()];
        for (rows, picks) in groups {
            match picks {
                Rows::Window(window) => {
                    rows[window.clone()].iter().for_each(|&row| before[usize::from(row) - span.start] = 1);
                }
                Rows::Chosen(picks) => {
                    picks.iter().for_each(|&at| before[usize::from(rows[at as usize]) - span.start] = 1);
                }
            }
        }
        let mut count = 0u16;
        for place in &mut before {
            let is_chosen = *place;
            *place = count;
            count = count.wrapping_add(is_chosen);
        }
        let places = groups.iter().map(|(rows, picks)| each(rows, picks, |row| usize::from(before[row - span.start])));
        Weave { length, places: Some(places.collect()) }
    }

    /// How many events.
    pub fn len(&self) -> usize {
        self.length
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

fn each(rows: &[u16], picks: &Rows<'_>, place: impl Fn(usize) -> usize) -> Vec<u16> {
    let place = |row: u16| place(usize::from(row)) as u16;
    match picks {
        Rows::Window(window) => rows[window.clone()].iter().map(|&row| place(row)).collect(),
        Rows::Chosen(picks) => picks.iter().map(|&at| place(rows[at as usize])).collect(),
    }
}
