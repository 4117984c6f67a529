//! What was **measured**: seconds, memory and the rows that came out, of one run of one contender.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// Between two looks at the memory of this process.
const LOOK: Duration = Duration::from_millis(5);

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Measured {
    /// From the start to the same rows; for ours from the plugin file written to served.
    pub seconds: f64,
    /// The process's highest resident memory, mapped files included.
    pub rss_mib: f64,
    /// Of that the most that was the process's own, mapped files not included; none where it is not known.
    pub own_mib: Option<f64>,
    /// Of all rows of all tables, in key order.
    pub rows_digest: Option<String>,
    /// The stages that the host reports of each swap.
    pub stages: Vec<Stage>,
    /// Where one run makes many measurements, all of them, in seconds; `seconds` is their median.
    pub samples: Vec<f64>,
}

/// The shares of one swap, in milliseconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stage {
    pub projection: String,
    pub load_ms: f64,
    pub replay_ms: f64,
    pub finish_ms: f64,
    pub served_ms: f64,
}

impl Measured {
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("plain values")
    }
}

/// Runs and measures `work`; what comes after it (reading the rows back) counts for nothing.
pub struct Watch {
    started: Instant,
    own_kib: Arc<AtomicU64>,
    done: Arc<AtomicBool>,
    looking: JoinHandle<()>,
}

impl Watch {
    pub fn start() -> Watch {
        let (own_kib, done) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let looking = std::thread::spawn({
            let (own_kib, done) = (own_kib.clone(), done.clone());
            move || {
                while !done.load(Ordering::Relaxed) {
                    own_kib.fetch_max(status_kib("RssAnon:"), Ordering::Relaxed);
                    std::thread::sleep(LOOK);
                }
            }
        });
        Watch { started: Instant::now(), own_kib, done, looking }
    }

    pub fn stop(self) -> Measured {
        let seconds = self.started.elapsed().as_secs_f64();
        self.own_kib.fetch_max(status_kib("RssAnon:"), Ordering::Relaxed);
        let rss_mib = status_kib("VmHWM:") as f64 / 1024.0;
        self.done.store(true, Ordering::Relaxed);
        self.looking.join().expect("the memory watch");
        let own_mib = Some(self.own_kib.load(Ordering::Relaxed) as f64 / 1024.0);
        Measured { seconds, rss_mib, own_mib, ..Measured::default() }
    }
}

fn status_kib(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0)
}

/// The value that `share` of all are not above; the samples need not be sorted.
pub fn percentile(samples: &[f64], share: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (share * sorted.len() as f64).ceil() as usize;
    sorted[place.clamp(1, sorted.len()) - 1]
}
