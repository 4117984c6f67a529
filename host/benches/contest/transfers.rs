//! The **transfers**: one seeded log that all workloads but the flights read, made as it is read and never a file.
//!
//! 10,000 accounts, each a stream; two types of transfers between them over a year, and every thousandth event a
//! review. A payload is about 95 bytes of JSON. The same seed and size give the same events on every machine.

use std::io::{self, Write};

use clap::ValueEnum;

pub const SEED: u64 = 0x5EED_1ED6_E200_2026;
pub const ACCOUNTS: u64 = 10_000;
const REVIEW_EVERY: u64 = 1_000;
const DAYS: u64 = 365;
const CHANNELS: [&str; 4] = ["web", "app", "desk", "standing"];

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// JSON Lines, as `projectionist import` takes them.
    Jsonl,
    /// A line of tab-separated values for each event: position, stream, type, the payload's fields, the payload.
    Tsv,
}

/// Writes the first `limit` events of a log of `events`.
pub fn write(out: &mut impl Write, form: Form, events: u64, limit: u64) -> io::Result<()> {
    let days = days();
    let mut random = SEED;
    let mut payload = Vec::with_capacity(256);
    for number in 0..limit.min(events) {
        let (first, second) = (draw(&mut random), draw(&mut random));
        let (account, to) = (first % ACCOUNTS, second % ACCOUNTS);
        let today = number * DAYS / events;
        // Some are booked up to three days late.
        let day = &days[(today + (second / ACCOUNTS % 16).saturating_sub(12)) as usize];
        let time = &days[today as usize];
        payload.clear();
        if number % REVIEW_EVERY == REVIEW_EVERY - 1 {
            let score = first / ACCOUNTS % 101;
            write!(payload, r#"{{"score":{score},"day":"{day}"}}"#)?;
            match form {
                Form::Jsonl => line(out, account, "Reviewed", time, &payload)?,
                Form::Tsv => {
                    write!(out, "{}\taccount-{account:06}\tReviewed\t\t\t{day}\t\t\t{score}\t", number + 1)?;
                    out.write_all(&payload)?;
                    out.write_all(b"\n")?;
                }
            }
            continue;
        }
        let amount = first / ACCOUNTS % 100_000;
        let kind = if first & 1 << 40 == 0 { "Deposited" } else { "Withdrawn" };
        let channel = CHANNELS[(second >> 42 & 3) as usize];
        write!(
            payload,
            r#"{{"amount":{amount},"to":"account-{to:06}","day":"{day}","channel":"{channel}","reference":"t-{number:08}"}}"#
        )?;
        match form {
            Form::Jsonl => line(out, account, kind, time, &payload)?,
            Form::Tsv => {
                let position = number + 1;
                write!(out, "{position}\taccount-{account:06}\t{kind}\t{amount}\taccount-{to:06}\t{day}\t{channel}\t")?;
                write!(out, "t-{number:08}\t\t")?;
                out.write_all(&payload)?;
                out.write_all(b"\n")?;
            }
        }
    }
    out.flush()
}

fn line(out: &mut impl Write, account: u64, kind: &str, time: &str, payload: &[u8]) -> io::Result<()> {
    write!(out, r#"{{"stream":"account-{account:06}","type":"{kind}","time":"{time}T00:00:00Z","data":"#)?;
    out.write_all(payload)?;
    out.write_all(b"}\n")
}

/// xorshift64*: small, seeded, the same everywhere (Vigna 2016, https://arxiv.org/abs/1402.6246).
fn draw(random: &mut u64) -> u64 {
    *random ^= *random >> 12;
    *random ^= *random << 25;
    *random ^= *random >> 27;
    random.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
}

/// The days of 2026 and the first of 2027, as ISO dates.
fn days() -> Vec<String> {
    let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let of_2026 = lengths
        .iter()
        .enumerate()
        .flat_map(|(month, &days)| (1..=days).map(move |day| format!("2026-{:02}-{day:02}", month + 1)));
    of_2026.chain((1..=4).map(|day| format!("2027-01-{day:02}"))).collect()
}
