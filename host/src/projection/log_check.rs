//! Whether an event store holds the **log** that a read model was built from.

use crate::event::{Blame, Fault, FaultKind, Result};
use crate::event_store::Reader;
use crate::read_model::{Generation, Writer};

/// Makes sure of it: the log reaches the checkpoint, and the event there is the same. A store that was restored from an
/// older copy, or replaced, would otherwise go unnoticed.
pub(super) fn check_log(log: &mut dyn Reader, generation: &Generation) -> Result<()> {
    let (checkpoint, head) = (generation.checkpoint(), log.head()?);
    let message = if head < checkpoint {
        format!("the event store ends at position {head}, before the read model's checkpoint {checkpoint}")
    } else if !generation.fingerprint().is_empty()
        && log.event_id(checkpoint)?.as_deref() != Some(generation.fingerprint())
    {
        format!("the event at position {checkpoint} is not the one that the read model was built from")
    } else {
        return Ok(());
    };
    let name = &generation.identity().projection;
    Err(Fault::new(FaultKind::Storage, message).blame(Blame::Operator).hint(format!(
        "was the event store replaced or restored from a copy? Put the right one back and `projectionist resume {name}`, \
         or build the read model from this one: `projectionist rebuild {name}`"
    )))
}
