//! Plans as data: what is asked for and what there is, against what is done.

use super::super::test_manifest::manifest_of;
use super::*;
use crate::event::{Kind, Table, TableColumn};

/// Enough of everything: a million sealed events of a thousand streams, two cores.
struct There {
    available: Available<'static>,
    manifest: Manifest,
    limits: Limits,
}

fn there() -> There {
    let column = TableColumn { name: "key".into(), kind: Kind::Integer, nullable: false };
    let table =
        Table { name: "rows".into(), columns: vec![column], key: vec![0], indexes: Vec::new(), insert_only: false };
    let manifest = manifest_of(table);
    let limits = Limits::default();
    let available = Available {
        sealed: Position(1_000_000),
        sealed_events: 1_000_000,
        distinct_keys: Some(1_000),
        thresholds: Thresholds { threads: 2, ..Thresholds::default() },
        limits: Box::leak(Box::new(limits.clone())),
        manifest: Box::leak(Box::new(manifest.clone())),
        is_optimised: true,
        batch: BatchSize::events(16_384),
    };
    There { available, manifest, limits }
}

impl There {
    fn with(mut self, change: impl FnOnce(&mut Available<'static>)) -> There {
        change(&mut self.available);
        self
    }

    fn with_limits(mut self, change: impl FnOnce(&mut Limits)) -> There {
        change(&mut self.limits);
        self
    }

    fn with_manifest(mut self, change: impl FnOnce(&mut Manifest)) -> There {
        change(&mut self.manifest);
        self
    }

    fn plan(&self, goal: Goal, range: Range, learned: Learned) -> Vec<Step> {
        let available = Available { limits: &self.limits, manifest: &self.manifest, ..self.available.clone() };
        plan(goal, range, &available, learned).steps
    }

    fn build(&self, through: u64, learned: Learned) -> Vec<Step> {
        self.plan(Goal::Build, range(0, through), learned)
    }
}

fn range(after: u64, through: u64) -> Range {
    Range { after: Position(after), through: Position(through) }
}

/// How many parts, and how many at a time.
fn parts(steps: &[Step]) -> (usize, usize) {
    steps[0].parts()
}

#[test]
fn a_build_reads_history_then_the_newest_events_then_what_is_left() {
    let steps = there().build(1_010_000, Learned::default());
    assert_eq!(steps[0].reads, [Read::History(range(0, 1_000_000)), Read::Newest(range(1_000_000, 1_010_000))]);
    assert_eq!((parts(&steps), steps[0].rows, steps[0].flush), ((2, 2), RowsGo::BulkLoad, FlushPolicy::WhenFull));
    assert_eq!((&steps[1].instances, steps[1].rows), (&Instances::Kept, RowsGo::Commit));
    assert_eq!(steps[1].after(Position(1_010_000)), None, "nothing is left");
    let left = steps[1].after(Position(1_000_000)).unwrap();
    assert_eq!(left.reads, [Read::Store(range(1_000_000, 1_010_000))]);
}

#[test]
fn newest_events_that_are_too_many_are_left_to_the_second_step() {
    let steps = there().build(1_000_000 + NEWEST_POSITIONS_MAX + 1, Learned::default());
    assert_eq!(steps[0].range(), range(0, 1_000_000));
    assert_eq!(steps[1].range().through, Position(1_000_000 + NEWEST_POSITIONS_MAX + 1));
}

#[test]
fn a_small_build_has_one_kept_instance() {
    let few = there().with(|there| there.sealed = Position(PARALLEL_POSITIONS_MIN - 1));
    let steps = few.build(2_000_000, Learned::default());
    assert_eq!((steps.len(), &steps[0].instances), (1, &Instances::Kept));
    assert_eq!(steps[0].reads, [Read::History(range(0, 65_535)), Read::Store(range(65_535, 2_000_000))]);
}

#[test]
fn a_projection_is_partitioned_where_it_says_so_and_where_it_pays() {
    let learned = Learned::default();
    assert_eq!(parts(&there().build(1_000_000, learned)), (2, 2));
    assert_eq!(parts(&there().with(|there| there.thresholds.threads = 1).build(1_000_000, learned)), (1, 1));
    let few = there().with(|there| there.sealed_events = PARTITIONED_EVENTS_MIN - 1);
    assert_eq!(parts(&few.build(1_000_000, learned)), (1, 1));
    let whole = there().with_manifest(|manifest| manifest.partitioning = Partitioning::Whole);
    let steps = whole.build(1_000_000, learned);
    assert_eq!((parts(&steps), steps[0].flush), ((1, 1), FlushPolicy::Early));
}

#[test]
fn each_part_fits_its_memory() {
    let keys = |keys, mib| {
        let there = there().with(|there| there.distinct_keys = keys).with_limits(|limits| limits.memory_mib_max = mib);
        parts(&there.build(1_000_000, Learned::default()))
    };
    assert_eq!(keys(Some(200_003), 64), (2, 2), "100,000 each take 51 MB");
    assert_eq!(keys(Some(250_000), 64), (4, 2), "125,000 each would take 64 MB");
    assert_eq!(keys(Some(900_000), 256), (2, 2));
    assert_eq!(keys(Some(1_000_003), 256), (4, 2));
    assert_eq!(keys(Some(10_000_019), 256), (22, 2));
    assert_eq!(keys(Some(u64::MAX), 256), (2 * WAVES_MAX as usize, 2));
    assert_eq!(keys(None, 1), (2, 2), "it shows when it does not fit");
    let one = there().with(|there| (there.thresholds.threads, there.distinct_keys) = (1, Some(1_000_003)));
    assert_eq!(parts(&one.build(1_000_000, Learned::default())), (3, 1), "one core too");
}

#[test]
fn no_part_has_more_rows_than_a_flush_may_have() {
    let there =
        there().with(|there| there.distinct_keys = Some(10_000)).with_limits(|limits| limits.flush_rows_max = 2_000);
    assert_eq!(parts(&there.build(1_000_000, Learned::default())), (10, 2));
}

#[test]
fn rows_that_are_only_inserted_need_no_waves() {
    let there = there()
        .with(|there| there.distinct_keys = Some(10_000_000))
        .with_manifest(|manifest| manifest.tables[0].insert_only = true);
    let steps = there.build(1_000_000, Learned::default());
    assert_eq!((parts(&steps), steps[0].flush), ((2, 2), FlushPolicy::Early));
}

#[test]
fn what_was_learned_counts() {
    let learned = |care, waves_min| Learned { care, waves_min, keeps_code: false };
    assert_eq!(parts(&there().build(1_000_000, learned(Care::Partitioned, 4))), (8, 2));
    assert_eq!(parts(&there().build(1_000_000, learned(Care::OneInstance, 4))), (1, 1));
    let steps = there().build(1_000_000, learned(Care::StepByStep, 4));
    assert_eq!((steps.len(), &steps[0].instances, steps[0].rows), (1, &Instances::Kept, RowsGo::Commit));
}

#[test]
fn quick_code_is_watched_unless_there_is_nothing_better() {
    let code = |is_optimised, keeps_code| {
        let there = there().with(|there| there.is_optimised = is_optimised);
        there.build(1_000_000, Learned { keeps_code, ..Learned::default() })[0].code
    };
    assert_eq!(code(false, false), CodeTier::QuickWhileFast);
    assert_eq!((code(true, false), code(false, true)), (CodeTier::Best, CodeTier::Best));
}

#[test]
fn following_is_one_kept_instance_that_commits() {
    let steps = there().plan(Goal::GoOn, range(1_000_000, 1_000_001), Learned::default());
    assert_eq!(steps.len(), 1);
    assert_eq!(steps[0].reads, [Read::Store(range(1_000_000, 1_000_001))]);
    assert_eq!(
        (&steps[0].instances, steps[0].rows, steps[0].code),
        (&Instances::Kept, RowsGo::Commit, CodeTier::AsItIs)
    );
    let far = &there().plan(Goal::GoOn, range(900_000, 1_000_001), Learned::default())[0];
    assert_eq!(far.reads, [Read::History(range(900_000, 1_000_000)), Read::Store(range(1_000_000, 1_000_001))]);
    assert_eq!(far.code, CodeTier::Best);
    let near = &there().plan(Goal::GoOn, range(990_000, 1_000_001), Learned::default())[0];
    assert_eq!(near.reads, [Read::Store(range(990_000, 1_000_001))], "history is not worth listing");
}

#[test]
fn events_are_tried_one_at_a_time_from_the_store() {
    for (goal, rows, flush) in [
        (Goal::TryEach, RowsGo::Discard, FlushPolicy::Never),
        (Goal::CommitEach, RowsGo::Commit, FlushPolicy::EachBatch),
        (Goal::GoOnSingly, RowsGo::Commit, FlushPolicy::Early),
    ] {
        let step = &there().plan(goal, range(0, 900_000), Learned::default())[0];
        assert_eq!(step.reads, [Read::Store(range(0, 900_000))]);
        assert_eq!((step.batch.events_max, step.rows, step.flush), (1, rows, flush));
        assert_eq!(step.code, CodeTier::AsItIs);
    }
}

#[test]
fn small_limits_have_small_batches() {
    let events = |mib| {
        there().with_limits(|limits| limits.memory_mib_max = mib).build(1_000_000, Learned::default())[0]
            .batch
            .events_max
    };
    assert_eq!([events(256), events(64), events(16), events(1)], [16_384, 16_384, 4_096, 256]);
    let few = there().with_limits(|limits| limits.flush_rows_max = 400);
    assert_eq!(few.build(1_000_000, Learned::default())[0].batch.events_max, 100);
}
