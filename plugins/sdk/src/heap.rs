//! The **heap** of a plugin: small blocks of a few dozen sizes, for each a list of those that are free, and large blocks out
//! of regions that are joined again when they are freed.
//!
//! Rust's own heap for WebAssembly (dlmalloc) is 9 KB of code that every plugin carries and every host compiles, and more
//! where it is inlined, and each block has a header of 4 to 8 bytes; here a small block is served in a dozen instructions and
//! has none. The price: a freed small block serves its own size again and no other.

mod regions;
#[cfg(test)]
mod tests;

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::ptr::{self, NonNull};

use regions::{Regions, UNIT};

/// Blocks up to this size are small.
const SMALL_MAX: usize = 1 << 14;
/// The numbers of their sizes are below this one.
const SIZES: usize = 45;
/// What every block is aligned to.
const ALIGNMENT: usize = 8;
/// Small blocks are cut from pieces of this size.
const PIECE: usize = 1 << 16;

/// A heap that takes memory from `More`.
pub(crate) struct Heap<M>(UnsafeCell<State<M>>);

struct State<M> {
    /// For each small size the first free block, which holds the next one.
    free: [*mut u8; SIZES],
    /// What is left of the latest piece for small blocks.
    next: *mut u8,
    end: *mut u8,
    regions: Regions,
    /// Where the memory that was taken last ends.
    memory_end: *mut u8,
    /// The bytes of all blocks that are in use.
    used: usize,
    more: M,
}

/// Where memory comes from.
pub(crate) trait More {
    /// At least `bytes` of it, and with its end; both are multiples of [`UNIT`]. None when there is no more.
    fn more(&mut self, bytes: usize) -> Option<(NonNull<u8>, *mut u8)>;
}

// SAFETY: a plugin has one thread.
unsafe impl<M> Sync for Heap<M> {}

impl<M> Heap<M> {
    pub(crate) const fn new(more: M) -> Heap<M> {
        Heap(UnsafeCell::new(State {
            free: [ptr::null_mut(); SIZES],
            next: ptr::null_mut(),
            end: ptr::null_mut(),
            regions: Regions::new(),
            memory_end: ptr::null_mut(),
            used: 0,
            more,
        }))
    }

    /// How many bytes all blocks take that are in use, and how many are free for blocks of any size.
    pub(crate) fn bytes(&self) -> (usize, usize) {
        // SAFETY: there is one thread, and nobody else reaches the state.
        let state = unsafe { &*self.0.get() };
        (state.used, state.regions.free(ptr::null_mut()).1)
    }
}

/// The number of the small size that fits `bytes`, and that size.
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

/// How much memory a block of `bytes` takes.
fn block_bytes(bytes: usize) -> usize {
    if bytes <= SMALL_MAX { size(bytes).1 } else { bytes.next_multiple_of(UNIT) }
}

impl<M: More> State<M> {
    /// Bytes that are left of the latest piece; the end of all memory may be address 0.
    fn room(&self) -> usize {
        self.end.addr().wrapping_sub(self.next.addr())
    }

    /// A small block of memory that was none before.
    fn fresh(&mut self, bytes: usize, align: usize) -> *mut u8 {
        let padding = self.next.align_offset(align);
        if self.room().checked_sub(padding).is_none_or(|room| room < bytes) {
            let Some(piece) = bytes.checked_add(align).map(|bytes| bytes.next_multiple_of(PIECE)) else {
                return ptr::null_mut();
            };
            let start = self.large(piece, UNIT);
            if start.is_null() {
                return start;
            }
            if start != self.end {
                self.use_up();
                self.next = start;
            }
            self.end = start.wrapping_add(piece);
            return self.fresh(bytes, align);
        }
        let block = self.next.wrapping_add(padding);
        self.next = block.wrapping_add(bytes);
        block
    }

    /// A small block with an alignment that few types have: one of the first that are free, or a new one.
    #[cold]
    fn aligned(&mut self, number: usize, bytes: usize, align: usize) -> *mut u8 {
        const LOOKED_AT: usize = 16;
        let mut link: *mut *mut u8 = &raw mut self.free[number];
        for _ in 0..LOOKED_AT {
            // SAFETY: a free block holds the next one.
            unsafe {
                let block = *link;
                if block.is_null() {
                    break;
                }
                if block.align_offset(align) == 0 {
                    *link = block.cast::<*mut u8>().read();
                    return block;
                }
                link = block.cast();
            }
        }
        self.fresh(bytes, align)
    }

    /// Makes free small blocks of what is left of a piece: the largest that fit, whose sizes are powers of two.
    fn use_up(&mut self) {
        while let Some(doubling) = self.room().checked_ilog2()
            && doubling >= 3
        {
            let bytes = SMALL_MAX.min(1 << doubling);
            let block = self.next;
            self.next = block.wrapping_add(bytes);
            // SAFETY: there is that much room, and nobody uses it.
            unsafe { self.free_small(block, size(bytes).0) };
        }
    }

    /// # Safety
    ///
    /// Nobody uses the block, which is of the size with this number.
    unsafe fn free_small(&mut self, block: *mut u8, number: usize) {
        // SAFETY: it is large enough for a pointer, and aligned.
        unsafe { block.cast::<*mut u8>().write(self.free[number]) };
        self.free[number] = block;
    }

    /// Memory for a large block; `bytes` is a multiple of [`UNIT`].
    fn large(&mut self, bytes: usize, align: usize) -> *mut u8 {
        loop {
            let block = self.regions.take(bytes, align);
            let padding = if align > UNIT { align } else { 0 };
            let Some(wanted) = bytes.checked_add(padding) else { return ptr::null_mut() };
            if !block.is_null() || !self.grow(wanted) {
                return block;
            }
        }
    }

    /// Takes more memory, so that `bytes` are free at its end.
    fn grow(&mut self, bytes: usize) -> bool {
        let (last, _) = self.regions.free(self.memory_end);
        // Where the end of the former memory has so many, another alignment is asked for.
        let missing = if last < bytes { bytes - last } else { bytes };
        let Some((start, end)) = self.more.more(missing) else { return false };
        // SAFETY: the memory is new.
        unsafe { self.regions.give(start.as_ptr(), end.addr().wrapping_sub(start.as_ptr().addr())) };
        self.memory_end = end;
        true
    }

    /// Makes a large block longer by `bytes` where it ends, if that is free or the end of all memory.
    fn extend(&mut self, end: *mut u8, bytes: usize) -> bool {
        if self.regions.take_at(end, bytes) {
            return true;
        }
        let (last, _) = self.regions.free(self.memory_end);
        end.wrapping_add(last) == self.memory_end && self.grow(bytes) && self.regions.take_at(end, bytes)
    }
}

// SAFETY: a block is handed out once until it comes back, is as large as its size says, which is at least what was asked
// for, and aligned. Nothing here panics: sizes are below 2 GiB, as a `Layout` on 32 bits is, and the rest is checked.
unsafe impl<M: More> GlobalAlloc for Heap<M> {
    #[inline(never)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: there is one thread, and nobody else reaches the state.
        let state = unsafe { &mut *self.0.get() };
        if layout.size() > SMALL_MAX {
            let bytes = block_bytes(layout.size());
            let block = state.large(bytes, layout.align());
            state.used += if block.is_null() { 0 } else { bytes };
            return block;
        }
        let (number, bytes) = size(layout.size());
        state.used += bytes; // once there is no more memory, the number does not matter
        if layout.align() > ALIGNMENT {
            return state.aligned(number, bytes, layout.align());
        }
        let block = state.free.get(number).copied().unwrap_or(ptr::null_mut());
        if block.is_null() {
            return state.fresh(bytes, ALIGNMENT);
        }
        // SAFETY: a free block holds the next one.
        state.free[number] = unsafe { block.cast::<*mut u8>().read() };
        block
    }

    #[inline(never)]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: there is one thread, and nobody else reaches the state; the block is ours again.
        unsafe {
            let state = &mut *self.0.get();
            state.used -= block_bytes(layout.size());
            if layout.size() > SMALL_MAX {
                state.regions.give(block, block_bytes(layout.size()));
            } else {
                state.free_small(block, size(layout.size()).0);
            }
        }
    }

    #[inline(never)]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new: usize) -> *mut u8 {
        let (before, after) = (block_bytes(layout.size()), block_bytes(new));
        if before == after && (layout.size() > SMALL_MAX) == (new > SMALL_MAX) {
            return block;
        }
        // SAFETY: there is one thread, and nobody else reaches the state; it is not used beyond the next calls.
        let state = unsafe { &mut *self.0.get() };
        let end = block.wrapping_add(before);
        if layout.size() > SMALL_MAX && new > SMALL_MAX {
            if after < before {
                // SAFETY: nobody uses the end of the block any more.
                unsafe { state.regions.give(block.wrapping_add(after), before - after) };
                state.used -= before - after;
                return block;
            }
            if state.extend(end, after - before) {
                state.used += after - before;
                return block;
            }
        } else if new <= SMALL_MAX && end == state.next && after > before && after - before <= state.room() {
            // The latest small block grows where it is.
            state.next = state.next.wrapping_add(after - before);
            state.used += after - before;
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
