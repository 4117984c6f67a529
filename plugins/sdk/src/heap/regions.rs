//! **Regions**: free memory of any size, which is joined with what is free beside it.

use std::ptr;

/// Regions begin and end at multiples of so many bytes.
pub(super) const UNIT: usize = 1 << 10;

/// The free regions by address, each holding the next one.
pub(super) struct Regions {
    first: *mut Region,
}

struct Region {
    bytes: usize,
    next: *mut Region,
}

impl Regions {
    pub(super) const fn new() -> Regions {
        Regions { first: ptr::null_mut() }
    }

    /// Takes `bytes`, a multiple of [`UNIT`], out of the first region that has so many from a multiple of `align` on; null
    /// if none has.
    pub(super) fn take(&mut self, bytes: usize, align: usize) -> *mut u8 {
        let mut link: *mut *mut Region = &raw mut self.first;
        // SAFETY: links lead from `first` through regions, which are ours as long as they are free; what is left of one is at
        // least a unit, which has room for a `Region`.
        unsafe {
            while !(*link).is_null() {
                let region = *link;
                let Region { bytes: size, next } = region.read();
                let padding = region.cast::<u8>().align_offset(align.max(UNIT));
                if let Some(rest) = padding.checked_add(bytes).and_then(|taken| size.checked_sub(taken)) {
                    let block = region.cast::<u8>().add(padding);
                    let mut behind = next;
                    if rest > 0 {
                        behind = block.add(bytes).cast();
                        behind.write(Region { bytes: rest, next });
                    }
                    match padding {
                        0 => *link = behind,
                        _ => region.write(Region { bytes: padding, next: behind }),
                    }
                    return block;
                }
                link = &raw mut (*region).next;
            }
        }
        ptr::null_mut()
    }

    /// Takes the `bytes` that begin at `start`, if they are free.
    pub(super) fn take_at(&mut self, start: *mut u8, bytes: usize) -> bool {
        let mut link: *mut *mut Region = &raw mut self.first;
        // SAFETY: as in `take`.
        unsafe {
            while !(*link).is_null() && (*link).cast::<u8>() <= start {
                let Region { bytes: size, next } = (*link).read();
                if (*link).cast::<u8>() == start && size >= bytes {
                    *link = match size - bytes {
                        0 => next,
                        rest => {
                            let behind: *mut Region = (*link).cast::<u8>().add(bytes).cast();
                            behind.write(Region { bytes: rest, next });
                            behind
                        }
                    };
                    return true;
                }
                link = &raw mut (**link).next;
            }
        }
        false
    }

    /// Adds memory that is free now, and joins it with what lies before and behind it.
    ///
    /// # Safety
    ///
    /// Nobody uses the memory; both numbers are multiples of [`UNIT`].
    pub(super) unsafe fn give(&mut self, start: *mut u8, bytes: usize) {
        let mut link: *mut *mut Region = &raw mut self.first;
        let mut before: *mut Region = ptr::null_mut();
        // SAFETY: as in `take`; the memory is ours from now on.
        unsafe {
            while !(*link).is_null() && (*link).cast::<u8>() < start {
                before = *link;
                link = &raw mut (*before).next;
            }
            let mut given = Region { bytes, next: *link };
            if !given.next.is_null() && start.wrapping_add(bytes) == given.next.cast() {
                let behind = given.next.read();
                given = Region { bytes: bytes + behind.bytes, next: behind.next };
            }
            if !before.is_null() && before.cast::<u8>().wrapping_add((*before).bytes) == start {
                (*before).bytes += given.bytes;
                (*before).next = given.next;
            } else {
                let region: *mut Region = start.cast();
                region.write(given);
                *link = region;
            }
        }
    }

    /// How many bytes are free right before `end`, and how many in all.
    pub(super) fn free(&self, end: *mut u8) -> (usize, usize) {
        let (mut last, mut all, mut region) = (0, 0, self.first);
        while !region.is_null() {
            // SAFETY: as in `take`.
            let Region { bytes, next } = unsafe { region.read() };
            if region.cast::<u8>().wrapping_add(bytes) == end {
                last = bytes;
            }
            all += bytes;
            region = next;
        }
        (last, all)
    }
}
