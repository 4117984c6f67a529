use projectionist_sdk::prelude::*;
use projectionist_sdk::testing::{Recorded, event, given};
use serde_json::json;

#[derive(Event)]
enum Meter {
    Measured { sum: f64, count: f64 },
    Shown,
}

#[derive(Row)]
struct Mean {
    #[key]
    meter: String,
    mean: f64,
    best: Option<f64>,
    shown: String,
}

#[derive(Default, Tables)]
struct Means {
    means: Table<Mean>,
}

impl Projection for Means {
    type Event = Meter;
    fn apply(&mut self, event: Meter, envelope: &Envelope) -> Result<(), Fault> {
        let row = self.means.entry(envelope.stream());
        match event {
            Meter::Measured { sum, count } if count < 0.0 => row.best = Some(sum / (count + 1.0)),
            Meter::Measured { sum, count } => row.mean = sum / count,
            // Tells 0.0 from -0.0, which no projection can rely on.
            Meter::Shown => row.shown = row.mean.to_string(),
        }
        Ok(())
    }
}
export!(Means, name = "means", version = 1);

fn measured(sum: f64, count: f64) -> Recorded {
    event("a", "Measured", json!({"sum": sum, "count": count}))
}

#[test]
fn nan_is_a_fault_of_the_column() {
    given::<Means>([measured(0.0, 0.0)]).then_fault("column `mean`: NaN cannot be stored");
    given::<Means>([measured(0.0, -1.0)]).then_fault("column `best`: NaN cannot be stored");
}

#[test]
fn infinity_is_stored() {
    given::<Means>([measured(1.0, 0.0), measured(-1.0, -1.0)]).then([Mean {
        meter: "a".into(),
        mean: f64::INFINITY,
        best: Some(f64::NEG_INFINITY),
        shown: String::new(),
    }]);
}

#[test]
fn zero_has_no_sign_in_a_read_model() {
    let found = given::<Means>([measured(-0.0, 1.0)]).rows("means");
    assert_eq!(found[0]["mean"].to_string(), "0.0");
}

#[test]
#[should_panic(expected = "depends on where batches and flushes fall")]
fn relying_on_the_sign_of_zero_is_found() {
    given::<Means>([measured(-0.0, 1.0), event("a", "Shown", ())]).rows("means");
}
