//! A **run**: entries of one table and one partition in key order, as pieces that follow each other.

use super::piece::Piece;

#[derive(Debug)]
pub struct Run {
    pieces: Vec<Piece>,
    /// How many times its entries were merged already.
    pub level: u32,
}

impl Run {
    /// Of pieces in order; there must be one.
    pub fn new(pieces: Vec<Piece>, level: u32) -> Run {
        Run { pieces, level }
    }

    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    pub fn pieces_mut(&mut self) -> &mut [Piece] {
        &mut self.pieces
    }

    /// Whether all keys of the piece are greater than its own.
    pub fn ends_before(&self, piece: &Piece) -> bool {
        self.pieces.last().is_none_or(|last| last.last_key() < piece.first_key())
    }

    /// Appends a piece whose keys are greater.
    pub fn push(&mut self, piece: Piece) {
        self.pieces.push(piece);
    }

    /// The piece that has the key, if one of them has.
    pub fn piece_of(&self, key: &[u8]) -> Option<&Piece> {
        let after = self.pieces.partition_point(|piece| piece.first_key() <= key);
        after.checked_sub(1).map(|number| &self.pieces[number])
    }
}
