//! A **fault** is a failure with a reason and, where there is one, a hint; it stops the projection.

use std::fmt;

use crate::bindings::faults;

/// Why a projection stops. An author makes one with [`Fault::new`]; any [`std::error::Error`] turns into one with `?`.
///
/// ```
/// use projectionist_sdk::Fault;
///
/// fn quantity(text: &str) -> Result<u32, Fault> {
///     let quantity = text.parse()?;
///     if quantity > 1_000 {
///         return Err(Fault::new("nobody orders that much").hint("check the order's currency"));
///     }
///     Ok(quantity)
/// }
/// assert_eq!(quantity("7").unwrap(), 7);
/// assert_eq!(quantity("2000").unwrap_err().message(), "nobody orders that much");
/// assert!(quantity("seven").is_err());
/// ```
#[derive(Clone)]
pub struct Fault(Box<Parts>);

#[derive(Clone)]
struct Parts {
    cause: faults::Cause,
    message: String,
    event: Option<u32>,
    field: Option<String>,
    hint: Option<String>,
}

impl Fault {
    /// The projection's own rule says no; `message` is one sentence for a person.
    #[cold]
    pub fn new(message: impl Into<String>) -> Fault {
        Fault::of(faults::Cause::Projection, message.into())
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Fault {
        self.0.hint = Some(hint.into());
        self
    }

    /// Names the payload or metadata field at fault.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>) -> Fault {
        self.0.field = Some(name.into());
        self
    }

    /// The sentence.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The field at fault, if it is one.
    pub fn field_name(&self) -> Option<&str> {
        self.0.field.as_deref()
    }

    /// The index, in the batch, of the event at fault; set once `apply` has returned.
    pub fn event_index(&self) -> Option<u32> {
        self.0.event
    }

    /// Whether the event (and not the projection's own rule) is at fault: it does not look as declared.
    pub fn is_event(&self) -> bool {
        matches!(self.0.cause, faults::Cause::Event)
    }

    #[cold]
    pub(crate) fn of(cause: faults::Cause, message: String) -> Fault {
        Fault(Box::new(Parts { cause, message, event: None, field: None, hint: None }))
    }

    #[cold]
    pub(crate) fn event(message: String) -> Fault {
        Fault::of(faults::Cause::Event, message)
    }

    #[cold]
    pub(crate) fn host(message: &str) -> Fault {
        Fault::of(faults::Cause::Host, message.to_owned())
    }

    pub(crate) fn settings(mut self) -> Fault {
        self.0.cause = faults::Cause::Settings;
        self
    }

    pub(crate) fn at(mut self, event: usize) -> Fault {
        self.0.event = u32::try_from(event).ok();
        self
    }

    pub(crate) fn into_wit(self) -> faults::Fault {
        let Parts { cause, message, event, field, hint } = *self.0;
        faults::Fault { cause, message, event, field, hint }
    }
}

impl<E: std::error::Error> From<E> for Fault {
    #[cold]
    fn from(error: E) -> Fault {
        Fault::new(error.to_string())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(field) = &self.0.field {
            write!(f, "field `{field}`: ")?;
        }
        f.write_str(&self.0.message)?;
        if let Some(hint) = &self.0.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fault({self})")
    }
}

/// Why a value does not fit; the field's name is added where it is known.
pub struct Wrong(pub(crate) String);

impl Wrong {
    #[cold]
    pub(crate) fn new(reason: impl Into<String>) -> Wrong {
        Wrong(reason.into())
    }

    #[cold]
    pub(crate) fn expected(what: &str, found: &str) -> Wrong {
        let mut reason = String::with_capacity(what.len() + found.len() + 17);
        for part in ["expected ", what, ", found ", found] {
            reason.push_str(part);
        }
        Wrong(reason)
    }

    /// As a fault of the event.
    #[cold]
    pub(crate) fn in_event(self, field: &str) -> Fault {
        Fault::event(self.0).field(field)
    }

    /// As a fault of the projection: what it wants to store does not fit a column.
    #[cold]
    pub(crate) fn in_row(self, column: &str) -> Fault {
        let mut message = String::from("column `");
        for part in [column, "`: ", &self.0] {
            message.push_str(part);
        }
        Fault::new(message)
    }
}
