//! A **filter** says of most keys that are not among some keys that they are not. (A Bloom filter whose bits of one key
//! all lie in one word, so that asking it is one access to memory.)

/// Bits for each key; one in some 50 keys that are not there passes.
const BITS_PER_KEY: usize = 16;

/// Of a fixed set of keys, by their hashes.
#[derive(Debug)]
pub struct Filter {
    words: Vec<u64>,
}

impl Filter {
    /// Of the keys with these hashes.
    pub fn new(hashes: &[u64]) -> Filter {
        let mut filter = Filter { words: vec![0; (hashes.len() * BITS_PER_KEY).div_ceil(64).max(1)] };
        for &hash in hashes {
            let word = filter.word(hash);
            filter.words[word] |= bits(hash);
        }
        filter
    }

    /// Whether a key with this hash may be among them.
    pub fn may_have(&self, hash: u64) -> bool {
        self.words[self.word(hash)] & bits(hash) == bits(hash)
    }

    fn word(&self, hash: u64) -> usize {
        // The high bits choose the word, the low ones the bits in it.
        ((u128::from(hash) * self.words.len() as u128) >> 64) as usize
    }
}

/// Five bits of a word.
fn bits(hash: u64) -> u64 {
    (0..5).fold(0, |bits, number| bits | 1 << (hash >> (6 * number) & 63))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: u64) -> u64 {
        (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(31).wrapping_mul(0xD6E8_FEB8_6659_FD93)
    }

    #[test]
    fn it_lets_all_of_its_keys_through_and_few_others() {
        let hashes: Vec<_> = (0..10_000).map(hash).collect();
        let filter = Filter::new(&hashes);
        assert!(hashes.iter().all(|&hash| filter.may_have(hash)));
        let others = (10_000..20_000).filter(|&number| filter.may_have(hash(number))).count();
        assert!(others < 500, "{others} of 10,000");
        assert!(!Filter::new(&[]).may_have(hash(1)));
    }
}
