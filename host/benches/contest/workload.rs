//! A **workload** is a question put to every contender: the same events in, the same rows out.

use clap::ValueEnum;

use super::contender::Contender;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Workload {
    /// One row a stream, partitioned by stream
    Ledger,
    /// One row for each of 10,000 values of a text field, partitioned by it
    ByAccount,
    /// One row for each day and type, over all streams
    Daily,
    /// One inserted row an event
    Rows,
    /// One type that is 0.1 % of the log
    Sparse,
    /// Whole JSON payloads, read with serde
    Document,
    /// A real year of flights, three projections rebuilt together
    Flights,
    /// Bringing the log into the event store
    Import,
    /// From a changed plugin file to its read model serving
    Change,
    /// From an acknowledged append to the visible row
    Latency,
}

/// A table of a workload's result, and where ours keeps it.
pub struct Table {
    pub projection: &'static str,
    pub name: &'static str,
    pub create: &'static str,
    pub key: &'static str,
}

/// A plugin of this workspace: its package, and the example of it when it has several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plugin {
    pub package: &'static str,
    pub example: Option<&'static str>,
}

const LEDGER: Plugin = Plugin { package: "ledger-balances", example: None };

impl Workload {
    pub fn name(self) -> String {
        self.to_possible_value().expect("none is skipped").get_name().to_owned()
    }

    /// What is rebuilt, in the order in which plugin files are dropped.
    pub fn plugins(self) -> &'static [Plugin] {
        const fn of(example: &'static str) -> Plugin {
            Plugin { package: "transfers", example: Some(example) }
        }
        const BY_ACCOUNT: [Plugin; 1] = [of("by-account")];
        const DAILY: [Plugin; 1] = [of("daily")];
        const ROWS: [Plugin; 1] = [of("rows")];
        const SPARSE: [Plugin; 1] = [of("sparse")];
        const DOCUMENT: [Plugin; 1] = [of("document")];
        const CROWD: [Plugin; 1] = [of("crowd")];
        const fn package(package: &'static str) -> Plugin {
            Plugin { package, example: None }
        }
        const FLIGHTS: [Plugin; 3] = [package("flight-states"), package("daily-delays"), package("late-arrivals")];
        match self {
            Workload::Ledger | Workload::Change => &[LEDGER],
            Workload::Latency => &CROWD,
            Workload::ByAccount => &BY_ACCOUNT,
            Workload::Daily => &DAILY,
            Workload::Rows => &ROWS,
            Workload::Sparse => &SPARSE,
            Workload::Document => &DOCUMENT,
            Workload::Flights => &FLIGHTS,
            Workload::Import => &[],
        }
    }

    /// The rows that are compared, made by native contenders with the same SQL as by ours.
    pub fn tables(self) -> &'static [Table] {
        match self {
            Workload::Ledger | Workload::Change => &[Table {
                projection: "balances",
                name: "balances",
                create: r#"CREATE TABLE "balances" ("account" TEXT NOT NULL, "balance" INTEGER NOT NULL,
                    "entries" INTEGER NOT NULL, PRIMARY KEY ("account")) STRICT, WITHOUT ROWID"#,
                key: "account",
            }],
            Workload::ByAccount => &[Table {
                projection: "by-account",
                name: "accounts",
                create: r#"CREATE TABLE "accounts" ("account" TEXT NOT NULL, "transfers" INTEGER NOT NULL,
                    "deposited" INTEGER NOT NULL, "withdrawn" INTEGER NOT NULL, PRIMARY KEY ("account")) STRICT,
                    WITHOUT ROWID"#,
                key: "account",
            }],
            Workload::Daily => &[Table {
                projection: "daily",
                name: "daily",
                create: r#"CREATE TABLE "daily" ("day" TEXT NOT NULL, "kind" TEXT NOT NULL,
                    "transfers" INTEGER NOT NULL, "amount" INTEGER NOT NULL, PRIMARY KEY ("day", "kind")) STRICT,
                    WITHOUT ROWID"#,
                key: "day, kind",
            }],
            Workload::Rows => &[Table {
                projection: "rows",
                name: "journal",
                create: r#"CREATE TABLE "journal" ("position" INTEGER PRIMARY KEY NOT NULL, "account" TEXT NOT NULL,
                    "amount" INTEGER NOT NULL, "reference" TEXT NOT NULL) STRICT"#,
                key: "position",
            }],
            Workload::Sparse => &[Table {
                projection: "sparse",
                name: "reviews",
                create: r#"CREATE TABLE "reviews" ("account" TEXT NOT NULL, "reviews" INTEGER NOT NULL,
                    "score_total" INTEGER NOT NULL, PRIMARY KEY ("account")) STRICT, WITHOUT ROWID"#,
                key: "account",
            }],
            Workload::Document => &[Table {
                projection: "document",
                name: "channels",
                create: r#"CREATE TABLE "channels" ("channel" TEXT NOT NULL, "transfers" INTEGER NOT NULL,
                    "amount" INTEGER NOT NULL, "text_bytes" INTEGER NOT NULL, PRIMARY KEY ("channel")) STRICT,
                    WITHOUT ROWID"#,
                key: "channel",
            }],
            Workload::Flights => &super::native::flights::TABLES,
            Workload::Import | Workload::Latency => &[],
        }
    }

    pub fn contenders(self) -> &'static [Contender] {
        use Contender::*;
        match self {
            Workload::Ledger => &[
                Served,
                Replay,
                Native,
                NativeColumns,
                DuckdbParquet,
                DuckdbTable,
                EventsourcingMemory,
                Eventsourcing,
                Emmett,
            ],
            Workload::ByAccount | Workload::Daily | Workload::Sparse | Workload::Document => {
                &[Served, Replay, Native, DuckdbParquet, DuckdbTable]
            }
            Workload::Rows => &[Served, Replay, Native, Rusqlite, DuckdbParquet, DuckdbTable],
            Workload::Flights => &[Served, Native],
            Workload::Import => &[Import],
            Workload::Change => &[Served],
            Workload::Latency => &[Library, Process],
        }
    }
}
