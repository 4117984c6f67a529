//! The **heap** of a plugin: blocks of fixed sizes, four to a doubling, each size with a list of those that are free.
//!
//! Rust's own heap for WebAssembly (dlmalloc) is 9 KB of code that every plugin carries and every host compiles, and
//! more where it is inlined; this one is 1 KB and serves a block in a dozen instructions. The price: a freed block only
//! ever serves its own size again, so a plugin may take up to twice the memory that it had in use at most.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::ptr::{self, NonNull};

/// Sizes up to 2 GiB.
const SIZES: usize = 30 * 4;
/// What every block is aligned to.
const ALIGNMENT: usize = 8;

/// A heap that takes memory from `More`.
pub(crate) struct Heap<M>(UnsafeCell<State<M>>);

struct State<M> {
    /// For each size the first free block, which holds the next one.
    free: [*mut u8; SIZES],
    /// Memory that was never a block.
    next: *mut u8,
    end: *mut u8,
    more: M,
}

/// Where memory comes from.
pub(crate) trait More {
    /// At least `bytes` of it, aligned to [`ALIGNMENT`] and with its end; none when there is no more.
    fn more(&mut self, bytes: usize) -> Option<(NonNull<u8>, *mut u8)>;
}

// SAFETY: a plugin has one thread.
unsafe impl<M> Sync for Heap<M> {}

impl<M> Heap<M> {
    pub(crate) const fn new(more: M) -> Heap<M> {
        let (free, next, end) = ([ptr::null_mut(); SIZES], ptr::null_mut(), ptr::null_mut());
        Heap(UnsafeCell::new(State { free, next, end, more }))
    }
}

/// The number of the size that fits `bytes`, and that size.
fn size(bytes: usize) -> (usize, usize) {
    let last = bytes.max(1) - 1;
    if last < 8 {
        return (0, 8);
    }
    let doubling = last.ilog2();
    let shift = doubling.max(5) - 2;
    let quarter = last >> shift;
    ((doubling as usize - 3) * 4 + quarter % 4 + 1, (quarter + 1) << shift)
}

impl<M: More> State<M> {
    /// Bytes that were never a block; the end of all memory may be address 0.
    fn room(&self) -> usize {
        self.end.addr().wrapping_sub(self.next.addr())
    }

    /// Memory that was never a block.
    fn fresh(&mut self, bytes: usize, align: usize) -> *mut u8 {
        let padding = self.next.align_offset(align);
        if self.room().checked_sub(padding).is_none_or(|room| room < bytes) {
            let Some((start, end)) = bytes.checked_add(align).and_then(|bytes| self.more.more(bytes)) else {
                return ptr::null_mut();
            };
            if start.as_ptr() != self.end {
                self.next = start.as_ptr();
            }
            self.end = end;
            return self.fresh(bytes, align);
        }
        // SAFETY: there is that much room.
        unsafe {
            let block = self.next.add(padding);
            self.next = block.add(bytes);
            block
        }
    }
}

// SAFETY: a block is handed out once until it comes back, is as large as its size says, which is at least what was asked
// for, and aligned. Nothing here panics: sizes are below 2 GiB, as a `Layout` on 32 bits is, and the rest is checked.
unsafe impl<M: More> GlobalAlloc for Heap<M> {
    #[inline(never)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: there is one thread, and nobody else reaches the state.
        let state = unsafe { &mut *self.0.get() };
        let (number, bytes) = size(layout.size());
        let block = state.free.get(number).copied().unwrap_or(ptr::null_mut());
        if block.is_null() || (layout.align() > ALIGNMENT && block.align_offset(layout.align()) != 0) {
            return state.fresh(bytes, layout.align().max(ALIGNMENT));
        }
        // SAFETY: a free block holds the next one.
        state.free[number] = unsafe { block.cast::<*mut u8>().read() };
        block
    }

    #[inline(never)]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: there is one thread, and nobody else reaches the state.
        let state = unsafe { &mut *self.0.get() };
        let (number, _) = size(layout.size());
        if let Some(first) = state.free.get_mut(number) {
            // SAFETY: the block is ours again, and large enough for a pointer.
            unsafe { block.cast::<*mut u8>().write(*first) };
            *first = block;
        }
    }

    #[inline(never)]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new: usize) -> *mut u8 {
        let ((_, old_bytes), (_, bytes)) = (size(layout.size()), size(new));
        if bytes == old_bytes {
            return block;
        }
        // SAFETY: there is one thread, and nobody else reaches the state; it is not used beyond the next calls.
        let state = unsafe { &mut *self.0.get() };
        let more = bytes.wrapping_sub(old_bytes);
        if block.wrapping_add(old_bytes) == state.next && bytes > old_bytes && more <= state.room() {
            // The last block grows where it is.
            state.next = state.next.wrapping_add(more);
            return block;
        }
        // SAFETY: the new layout is the old one with a size that the caller vouches for; both blocks hold what is copied.
        unsafe {
            let moved = self.alloc(Layout::from_size_align_unchecked(new, layout.align()));
            if !moved.is_null() {
                ptr::copy_nonoverlapping(block, moved, layout.size().min(new));
                self.dealloc(block, layout);
            }
            moved
        }
    }
}

/// The linear memory of a WebAssembly module.
#[cfg(target_arch = "wasm32")]
pub(crate) struct Pages;

#[cfg(target_arch = "wasm32")]
impl More for Pages {
    fn more(&mut self, bytes: usize) -> Option<(NonNull<u8>, *mut u8)> {
        const PAGE: usize = 1 << 16;
        let pages = bytes.div_ceil(PAGE).max(4);
        let before = core::arch::wasm32::memory_grow::<0>(pages);
        if before == usize::MAX {
            return None;
        }
        let start = NonNull::new(ptr::with_exposed_provenance_mut::<u8>(before * PAGE))?;
        Some((start, start.as_ptr().wrapping_add(pages * PAGE)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Adjoining pieces, until there is no more.
    struct Pieces {
        memory: Vec<u64>,
        given: usize,
    }

    impl More for Pieces {
        fn more(&mut self, bytes: usize) -> Option<(NonNull<u8>, *mut u8)> {
            let words = bytes.div_ceil(8).max(512);
            let piece = self.memory.get_mut(self.given..self.given + words)?;
            self.given += words;
            let range = piece.as_mut_ptr_range();
            Some((NonNull::new(range.start.cast())?, range.end.cast()))
        }
    }

    #[test]
    fn sizes_fit_and_waste_little() {
        for bytes in (1..5_000).chain((1 << 20) - 1..(1 << 20) + 2) {
            let (number, size) = size(bytes);
            assert!(size >= bytes && size <= (bytes + bytes / 4 + 8), "{size} for {bytes}");
            assert!(size.is_multiple_of(ALIGNMENT) && number < SIZES);
            assert_eq!(super::size(size), (number, size), "a block has one size");
        }
        assert!(super::size(u32::MAX as usize).0 < SIZES);
    }

    /// Blocks are made, grown, shrunk and freed at random; what is in them stays, and none lies in another.
    #[test]
    fn blocks_keep_what_is_in_them() {
        let heap = Heap::new(Pieces { memory: vec![0; 1 << 20], given: 0 });
        let mut random = 88_172_645_463_325_252u64;
        let mut next = |below: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random % below as u64) as usize
        };
        let mut blocks: BTreeMap<usize, (*mut u8, Layout, u8)> = BTreeMap::new();
        let check = |block: *mut u8, bytes: usize, fill: u8| {
            // SAFETY: the block is that large.
            assert!(unsafe { std::slice::from_raw_parts(block, bytes) }.iter().all(|&byte| byte == fill));
        };
        for turn in 0..200_000usize {
            let fill = turn as u8;
            let chosen = blocks.keys().nth(next(blocks.len().max(1))).copied();
            match (next(3), chosen) {
                (0, Some(at)) => {
                    let (block, layout, fill) = blocks.remove(&at).unwrap();
                    check(block, layout.size(), fill);
                    // SAFETY: it was made with this layout, and is used no more.
                    unsafe { heap.dealloc(block, layout) };
                }
                (1, Some(at)) => {
                    let (block, layout, old) = blocks.remove(&at).unwrap();
                    let bytes = next(600) + 1;
                    // SAFETY: it was made with this layout.
                    let moved = unsafe { heap.realloc(block, layout, bytes) };
                    check(moved, bytes.min(layout.size()), old);
                    // SAFETY: the block is that large.
                    unsafe { moved.write_bytes(fill, bytes) };
                    let layout = Layout::from_size_align(bytes, layout.align()).unwrap();
                    blocks.insert(moved.addr(), (moved, layout, fill));
                }
                _ if blocks.len() < 1_000 => {
                    let layout = Layout::from_size_align(next(300) + 1, 1 << next(7)).unwrap();
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
        blocks.values().for_each(|&(block, layout, fill)| check(block, layout.size(), fill));
    }

    #[test]
    fn no_memory_is_no_block() {
        let heap = Heap::new(Pieces { memory: vec![0; 1_024], given: 0 });
        let layout = Layout::from_size_align(5_000, 8).unwrap();
        // SAFETY: the layouts are not empty, and blocks are used as long as they are there.
        unsafe {
            let block = heap.alloc(layout);
            assert!(!block.is_null());
            assert!(heap.alloc(layout).is_null() && heap.realloc(block, layout, 50_000).is_null());
            heap.dealloc(block, layout);
            assert_eq!(heap.alloc(layout), block, "it is there again");
        }
    }
}
