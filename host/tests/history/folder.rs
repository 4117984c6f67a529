//! The folder: sealing, catching up, gaps, another log, several at once.

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use projectionist::event::{FaultKind, Position};
use projectionist::event_store::Source;
use projectionist::history::{History, Pace, SIZES, Segment};

use crate::whole::{of_segment, of_source};
use crate::{Log, catch_up, ledger, range};

const SMALL: u64 = SIZES[0];

fn files(log: &Log) -> Vec<String> {
    let entries = fs::read_dir(log.history_folder()).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).filter(|name| name != "lock").collect();
    names.sort();
    names
}

fn file(log: &Log, number: usize) -> PathBuf {
    log.history_folder().join(&files(log)[number])
}

/// Everything that is sealed is what the source has.
fn compare(history: &History, log: &Log) {
    for segment in history.segments().unwrap() {
        assert_eq!(of_segment(&segment).unwrap(), of_source(&log.store, segment.range()));
    }
}

#[test]
fn whole_segments_are_sealed_and_the_newest_events_are_not() {
    let log = Log::of_ledger(2 * SMALL + 5);
    let history = log.history();
    assert_eq!((history.through(), history.segments().unwrap().len()), (Position::START, 0));
    let mut told = Vec::new();
    let caught_up = history
        .catch_up(&log.store, log.head(), Pace::Gentle, &mut |sealing| {
            told.push(sealing);
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!((caught_up.segments, caught_up.events, caught_up.through), (2, 2 * SMALL, Position(2 * SMALL)));
    let last = told.last().unwrap();
    assert_eq!((last.events, last.events_total, last.segments, last.segments_total), (2 * SMALL, 2 * SMALL, 2, 2));
    compare(&history, &log);
    assert_eq!(catch_up(&history, &log).segments, 0, "there is nothing left");

    let again = log.history();
    assert_eq!(again.through(), Position(2 * SMALL));
    let segments = again.segments().unwrap();
    assert!(Arc::ptr_eq(&segments[0], &again.segments().unwrap()[0]), "the same segment is opened once");
    assert_eq!(segments.iter().map(|one| one.range()).collect::<Vec<_>>(), [range(0, SMALL), range(SMALL, 2 * SMALL)]);
    let status = again.verify(log.head()).unwrap();
    assert_eq!((status.through, status.events, status.segments), (Position(2 * SMALL), 2 * SMALL, 2));
    assert_eq!((status.unsealed, status.missing.len(), status.damaged.len()), (0, 0, 0));
    assert_eq!(
        status.bytes,
        files(&log).iter().map(|n| fs::metadata(log.history_folder().join(n)).unwrap().len()).sum::<u64>()
    );
}

#[test]
fn eight_small_ones_become_a_larger_one() {
    let log = Log::of_ledger(7 * SMALL + 1);
    let history = log.sealed();
    assert_eq!(files(&log).len(), 7);
    let open = history.segments().unwrap();
    log.add((0..SMALL).map(ledger));
    assert_eq!(catch_up(&history, &log).segments, 1);
    assert_eq!(files(&log), ["000000000000-000000131072.segment"]);
    assert_eq!(history.through(), Position(8 * SMALL));
    assert!(history.segments().unwrap()[0].blocks().len() >= 2);
    compare(&history, &log);
    // Who had the small ones open goes on reading them.
    assert_eq!(of_segment(&open[6]).unwrap(), of_source(&log.store, open[6].range()));
}

#[test]
fn what_is_damaged_or_missing_is_found_and_sealed_again() {
    let log = Log::of_ledger(4 * SMALL);
    log.sealed();
    let sound = fs::read(file(&log, 1)).unwrap();
    type Hurt = fn(&PathBuf, &[u8]);
    let hurts: [(&str, Hurt); 4] = [
        ("cut off", |path, sound| fs::write(path, &sound[..sound.len() - 1]).unwrap()),
        ("empty", |path, _| fs::write(path, "").unwrap()),
        ("foreign", |path, sound| fs::write(path, vec![b'x'; sound.len()]).unwrap()),
        ("missing", |path, _| fs::remove_file(path).unwrap()),
    ];
    for (what, hurt) in hurts {
        let path = file(&log, 1);
        // A new file, as a restored backup would be: a mapped one must never be written to.
        fs::remove_file(&path).unwrap();
        fs::write(&path, &sound).unwrap();
        hurt(&path, &sound);
        let history = log.history();
        assert_eq!(history.through(), Position(SMALL), "{what}: what comes after it is not used");
        let status = history.status(log.head()).unwrap();
        match what {
            "missing" => assert_eq!(status.missing, [range(SMALL, 2 * SMALL)]),
            _ => assert_eq!(status.damaged[0].range, range(SMALL, 2 * SMALL), "{what}"),
        }
        assert_eq!(status.unsealed, 3 * SMALL);
        assert_eq!(catch_up(&history, &log).segments, 1, "{what}: only that one is sealed again");
        assert_eq!(history.through(), Position(4 * SMALL), "{what}");
        assert_eq!(fs::read(&path).unwrap(), sound, "{what}: byte for byte as before");
        compare(&history, &log);
    }
}

#[test]
fn a_flipped_bit_is_found_by_whoever_reads_it_and_mended() {
    let log = Log::of_ledger(2 * SMALL);
    log.sealed();
    let path = file(&log, 0);
    let sound = fs::read(&path).unwrap();
    let mut flipped = sound.clone();
    flipped[100_000] ^= 4; // among the times of the block's first event type
    fs::remove_file(&path).unwrap();
    fs::write(&path, &flipped).unwrap();
    let history = log.history();
    assert_eq!(history.through(), Position(2 * SMALL), "opening reads the index alone");
    let segment = history.segments().unwrap()[0].clone();
    let block = &segment.blocks()[0];
    let [withdrawn, deposited] = ["Withdrawn", "Deposited"].map(|name| block.type_number(name).unwrap());
    let damaged = block.times(withdrawn).unwrap_err();
    assert_eq!(damaged.what, "times of `Withdrawn` of the events (0, 16384]");
    assert!(block.stream_versions(withdrawn).is_ok(), "other columns are sound");
    assert!(block.times(deposited).is_ok(), "and those of other types");
    assert!(block.times(withdrawn).is_err(), "it stays damaged");

    let other = log.history();
    let mended = history.mend(&segment).unwrap();
    assert_ne!(mended.id(), segment.id());
    assert_eq!(of_segment(&mended).unwrap(), of_source(&log.store, mended.range()));
    assert_eq!(fs::read(&path).unwrap(), sound);
    assert_eq!(history.through(), Position(2 * SMALL));
    // Another who met the damage too gets what was mended meanwhile.
    let bytes = fs::metadata(&path).unwrap().modified().unwrap();
    let theirs = other.mend(&segment).unwrap();
    assert_eq!(of_segment(&theirs).unwrap().len() as u64, SMALL);
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), bytes, "it was not sealed a third time");

    // Verifying finds it without anybody reading, and catching up mends it.
    fs::remove_file(&path).unwrap();
    fs::write(&path, &flipped).unwrap();
    let status = history.verify(log.head()).unwrap();
    assert_eq!((status.damaged.len(), status.through), (1, Position::START));
    catch_up(&history, &log);
    assert_eq!(history.verify(log.head()).unwrap().through, Position(2 * SMALL));
}

#[test]
fn segments_of_another_log_are_not_used() {
    let log = Log::of_ledger(2 * SMALL);
    log.sealed();
    // The same beginning, then other events: as when a backup was restored and the log went on.
    let other = Log::new();
    other.add(
        (0..SMALL).map(|number| ledger(number).replace("{\"stream\"", &format!("{{\"id\":\"{number}\",\"stream\""))),
    );
    let restored = History::open(&log.history_folder(), &other.store).unwrap();
    assert_eq!((restored.through(), restored.segments().unwrap().len()), (Position::START, 0));
    let status = restored.status(other.head()).unwrap();
    assert_eq!(status.damaged.len(), 2);
    assert!(status.damaged[0].reason.contains("another event store"), "{}", status.damaged[0].reason);
    assert_eq!(catch_up(&restored, &other).segments, 1);
    assert_eq!(files(&log), ["000000000000-000000016384.segment"], "what is beyond the log is gone");
    compare(&restored, &other);
}

#[test]
fn one_seals_at_a_time_and_the_others_go_on() {
    let log = Log::of_ledger(2 * SMALL);
    let (first, second) = (log.history(), log.history());
    let caught_up = first
        .catch_up(&log.store, log.head(), Pace::Gentle, &mut |_| {
            let beside = catch_up(&second, &log);
            assert!(beside.is_elsewhere || beside.segments == 0);
            let refused = second.drop_all().err();
            assert!(refused.is_none_or(|fault| fault.retry && fault.hint.is_some()));
            ControlFlow::Break(())
        })
        .unwrap();
    assert!(caught_up.is_stopped || caught_up.segments == 2);
    assert!(files(&log).iter().all(|name| !name.starts_with("new-")), "nothing unfinished is left");
    assert!(catch_up(&second, &log).through == Position(2 * SMALL));
    assert_eq!(first.segments().unwrap().len(), 2, "what another sealed is there at the next look");
}

#[test]
fn dropping_frees_everything_and_harms_no_reader() {
    let log = Log::of_ledger(SMALL + 10);
    let history = log.sealed();
    let segment = history.segments().unwrap()[0].clone();
    let bytes = fs::metadata(file(&log, 0)).unwrap().len();
    fs::write(log.history_folder().join("new-000000000000-000000016384.segment"), "unfinished").unwrap();
    fs::write(log.history_folder().join("notes.txt"), "not ours").unwrap();
    assert_eq!(history.drop_all().unwrap(), bytes);
    assert_eq!(files(&log), ["notes.txt"]);
    assert_eq!(history.through(), Position::START);
    assert_eq!(of_segment(&segment).unwrap(), of_source(&log.store, segment.range()));
    assert_eq!(history.drop_all().unwrap(), 0);
    assert_eq!(catch_up(&history, &log).segments, 1);
}

#[test]
fn only_so_much_is_taken_into_memory() {
    let log = Log::new();
    let text = "x".repeat(1 << 20);
    log.add((0..70).map(|_| format!(r#"{{"stream":"long","type":"Written","data":{{"text":"{text}"}}}}"#)));
    let history = log.history();
    // A text is held twice: in the whole payload, and as a field.
    let most = (projectionist::history::TAIL_BYTES_MAX >> 21) as u64;
    assert_eq!(history.tail(range(0, most - 1)).unwrap().events(), most - 1);
    let fault = history.tail(range(0, most + 1)).unwrap_err();
    assert!(fault.message.contains("more than 64 MiB of memory"), "{fault}");
}

#[test]
fn the_newest_events_are_a_segment_in_memory_that_is_shared() {
    let log = Log::of_ledger(300);
    let history = log.history();
    let tail = history.tail(range(100, 300)).unwrap();
    assert_eq!(of_segment(&tail).unwrap(), of_source(&log.store, range(100, 300)));
    assert!(Arc::ptr_eq(&tail, &history.tail(range(100, 300)).unwrap()));
    let longer = history.tail(range(99, 300)).unwrap();
    assert_eq!((longer.events(), tail.events()), (201, 200));
    assert!(!log.history_folder().exists(), "nothing was written");
}

#[test]
#[cfg(unix)]
fn a_folder_that_cannot_be_written_is_told_and_leaves_what_is_there() {
    let log = Log::of_ledger(2 * SMALL);
    let history = log.sealed();
    // Permissions do not stop root: a file where the folder should be does.
    let elsewhere = log.folder.path().join("file");
    fs::write(&elsewhere, "").unwrap();
    let cannot = History::open(&elsewhere.join("history"), &log.store)
        .and_then(|history| history.catch_up(&log.store, log.head(), Pace::Full, &mut |_| ControlFlow::Continue(())));
    let fault = cannot.unwrap_err();
    assert_eq!((fault.kind, fault.retry), (FaultKind::Storage, true));
    assert!(fault.hint.as_ref().unwrap().contains("event store"), "{fault:?}");
    assert_eq!(history.segments().unwrap().len(), 2);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_told() {
    let log = Log::of_ledger(SMALL);
    let mut full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut reader = log.store.reader().unwrap();
    let watch = &mut |_| ControlFlow::Continue(());
    let fault = Segment::shred(&mut *reader, range(0, SMALL), &mut full, watch).unwrap_err();
    assert!(fault.retry && fault.hint.as_ref().unwrap().contains("disk is full"), "{fault:?}");
}
