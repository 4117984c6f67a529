//! Blocks are made, grown, shrunk and freed at random; what is in them stays, and none lies in another.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::collections::BTreeMap;

use super::*;

/// Adjoining pieces of one block, until there is no more.
struct Pieces {
    start: *mut u8,
    layout: Layout,
    given: usize,
}

impl Pieces {
    fn new(bytes: usize) -> Pieces {
        let layout = Layout::from_size_align(bytes, PIECE).unwrap();
        // SAFETY: the layout is not empty.
        Pieces { start: unsafe { alloc_zeroed(layout) }, layout, given: 0 }
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        // SAFETY: it was made with this layout.
        unsafe { dealloc(self.start, self.layout) };
    }
}

impl More for Pieces {
    fn more(&mut self, bytes: usize) -> Option<(NonNull<u8>, *mut u8)> {
        let bytes = bytes.next_multiple_of(PIECE);
        let start = self.start.wrapping_add(self.given);
        self.given = self.given.checked_add(bytes).filter(|&given| given <= self.layout.size())?;
        Some((NonNull::new(start)?, start.wrapping_add(bytes)))
    }
}

#[test]
fn sizes_fit_and_waste_little() {
    for bytes in (1..5_000).chain(SMALL_MAX - 1..SMALL_MAX + 1) {
        let (number, size) = size(bytes);
        assert!(size >= bytes && size <= (bytes + bytes / 4 + 8), "{size} for {bytes}");
        assert!(size.is_multiple_of(ALIGNMENT) && number < SIZES);
        assert_eq!(super::size(size), (number, size), "a block has one size");
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below as u64) as usize
    }

    /// Mostly small, sometimes large.
    fn bytes(&mut self) -> usize {
        let most = [300, 300, 300, 300, 20_000, 70_000][self.below(6)];
        self.below(most) + 1
    }
}

/// With `turns` of one seed; how much memory was taken at the end.
fn churn(seed: u64, turns: usize, blocks_max: usize, aligns: &[usize]) -> usize {
    let heap = Heap::new(Pieces::new(64 << 20));
    let mut random = Random(seed);
    let mut blocks: BTreeMap<usize, (*mut u8, Layout, u8)> = BTreeMap::new();
    let check = |block: *mut u8, bytes: usize, fill: u8| {
        // SAFETY: the block is that large.
        assert!(unsafe { std::slice::from_raw_parts(block, bytes) }.iter().all(|&byte| byte == fill));
    };
    for turn in 0..turns {
        let fill = turn as u8;
        let chosen = blocks.keys().nth(random.below(blocks.len().max(1))).copied();
        match (random.below(3), chosen) {
            (0, Some(at)) => {
                let (block, layout, fill) = blocks.remove(&at).unwrap();
                check(block, layout.size(), fill);
                // SAFETY: it was made with this layout, and is used no more.
                unsafe { heap.dealloc(block, layout) };
            }
            (1, Some(at)) => {
                let (block, layout, old) = blocks.remove(&at).unwrap();
                let bytes = random.bytes();
                // SAFETY: it was made with this layout.
                let moved = unsafe { heap.realloc(block, layout, bytes) };
                assert!(!moved.is_null() && moved.align_offset(layout.align()) == 0);
                check(moved, bytes.min(layout.size()), old);
                // SAFETY: the block is that large.
                unsafe { moved.write_bytes(fill, bytes) };
                let layout = Layout::from_size_align(bytes, layout.align()).unwrap();
                blocks.insert(moved.addr(), (moved, layout, fill));
            }
            _ if blocks.len() < blocks_max => {
                let align = aligns[random.below(aligns.len())];
                let layout = Layout::from_size_align(random.bytes(), align).unwrap();
                // SAFETY: the layout is not empty.
                let block = unsafe { heap.alloc(layout) };
                assert!(!block.is_null() && block.align_offset(layout.align()) == 0);
                // SAFETY: the block is that large.
                unsafe { block.write_bytes(fill, layout.size()) };
                blocks.insert(block.addr(), (block, layout, fill));
            }
            _ => {}
        }
        let around = blocks.iter().zip(blocks.iter().skip(1)).take(if turn % 1_000 == 0 { usize::MAX } else { 0 });
        for ((&at, (_, layout, _)), (&behind, _)) in around {
            assert!(at + layout.size() <= behind, "two blocks share memory");
        }
    }
    for &(block, layout, fill) in blocks.values() {
        check(block, layout.size(), fill);
        // SAFETY: it was made with this layout, and is used no more.
        unsafe { heap.dealloc(block, layout) };
    }
    assert_eq!(heap.bytes().0, 0);
    heap.0.into_inner().more.given
}

#[test]
fn blocks_keep_what_is_in_them() {
    let (turns, blocks_max) = if cfg!(miri) { (1_500, 60) } else { (200_000, 1_000) };
    for seed in [88_172_645_463_325_252, 1, 7] {
        churn(seed, turns / 4, blocks_max, &[1, 8, 16, 64, 2_048]);
        let taken = churn(seed, turns, blocks_max, &[1, 4, 8]);
        // A block has 8 KB on average, a third of them.
        assert!(taken < blocks_max * 32_000, "{taken} bytes were taken");
    }
}

#[test]
fn a_vector_that_grows_leaves_nothing_behind() {
    let heap = Heap::new(Pieces::new(16 << 20));
    let layout = |bytes| Layout::from_size_align(bytes, 4).unwrap();
    let mut bytes = 20_000;
    // SAFETY: the layouts are not empty, and blocks are used as long as they are there.
    unsafe {
        let mut block = heap.alloc(layout(bytes));
        while bytes < 8 << 20 {
            let more = bytes + bytes / 4;
            block = heap.realloc(block, layout(bytes), more);
            assert!(!block.is_null());
            bytes = more;
        }
        assert!((*heap.0.get()).more.given < bytes + 2 * PIECE, "it grew where it was");
        // Something behind it, so that it has to move: the place that it left serves the next.
        let behind = heap.alloc(layout(20_000));
        heap.dealloc(block, layout(bytes));
        assert!(heap.bytes().1 >= bytes);
        assert_eq!(heap.alloc(layout(bytes)), block);
        // Small blocks come out of what large ones left.
        heap.dealloc(block, layout(bytes));
        let taken = (*heap.0.get()).more.given;
        let small = layout(100);
        for _ in 0..bytes / 2 / 128 {
            assert!(!heap.alloc(small).is_null());
        }
        assert_eq!((*heap.0.get()).more.given, taken);
        heap.dealloc(behind, layout(20_000));
    }
}

#[test]
fn no_memory_is_no_block() {
    let heap = Heap::new(Pieces::new(4 * PIECE));
    let layout = Layout::from_size_align(100_000, 8).unwrap();
    // SAFETY: the layouts are not empty, and blocks are used as long as they are there.
    unsafe {
        let blocks = [heap.alloc(layout), heap.alloc(layout)];
        assert!(blocks.iter().all(|block| !block.is_null()));
        assert!(heap.alloc(layout).is_null() && heap.realloc(blocks[0], layout, 500_000).is_null());
        heap.dealloc(blocks[0], layout);
        assert_eq!(heap.alloc(layout), blocks[0], "it is there again");
    }
}
