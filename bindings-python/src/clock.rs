//! Times and spans, and a clock that is a Python callable.

use std::time::Duration;

use chrono::{Datelike as _, Timelike as _};
use convostore::{Clock, SystemClock, Timestamp};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

use crate::error;

static DATETIME: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static TIMEDELTA: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static UTC: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
static EPOCH: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

fn utc(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    let utc = UTC.get_or_try_init(py, || {
        let utc = py.import("datetime")?.getattr("timezone")?.getattr("utc")?;
        Ok::<_, PyErr>(utc.unbind())
    })?;
    Ok(utc.bind(py))
}

/// The moment as an aware `datetime` in UTC.
pub(crate) fn to_datetime(py: Python<'_>, moment: Timestamp) -> PyResult<Bound<'_, PyAny>> {
    let at = moment.to_datetime();
    DATETIME.import(py, "datetime", "datetime")?.call1((
        at.year(),
        at.month(),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
        at.timestamp_subsec_micros(),
        utc(py)?,
    ))
}

/// A `datetime` as a moment, cut to whole milliseconds.
pub(crate) fn from_datetime(value: &Bound<'_, PyAny>) -> PyResult<Timestamp> {
    let py = value.py();
    let datetime = DATETIME.import(py, "datetime", "datetime")?;
    if !value.is_instance(datetime)? {
        return Err(error::invalid(
            py,
            &format!(
                "a time is an aware datetime, not {}",
                value.get_type().fully_qualified_name()?
            ),
        ));
    }
    if value.call_method0(intern!(py, "utcoffset"))?.is_none() {
        return Err(error::invalid(
            py,
            "a datetime without time zone can mean any hour; give an aware one, datetime.now(timezone.utc) say",
        ));
    }
    let epoch = EPOCH.get_or_try_init(py, || {
        Ok::<_, PyErr>(to_datetime(py, Timestamp::from_millis_clamped(0))?.unbind())
    })?;
    let (days, seconds, micros) = parts(&value.sub(epoch)?)?;
    let millis = days * 86_400_000 + seconds * 1000 + micros / 1000;
    Timestamp::from_millis(millis).map_err(|e| error::raised(py, &e))
}

/// Days (possibly negative), seconds and microseconds (never negative) of a `timedelta`.
fn parts(delta: &Bound<'_, PyAny>) -> PyResult<(i64, i64, i64)> {
    let py = delta.py();
    Ok((
        delta.getattr(intern!(py, "days"))?.extract()?,
        delta.getattr(intern!(py, "seconds"))?.extract()?,
        delta.getattr(intern!(py, "microseconds"))?.extract()?,
    ))
}

/// A time argument.
#[derive(Clone, Copy)]
pub(crate) struct Moment(pub(crate) Timestamp);

impl<'py> FromPyObject<'_, 'py> for Moment {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        from_datetime(&value).map(Self)
    }
}

/// A span argument: a `timedelta` that is not negative.
#[derive(Clone, Copy)]
pub(crate) struct Span(pub(crate) Duration);

impl<'py> FromPyObject<'_, 'py> for Span {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let py = value.py();
        if !value.is_instance(TIMEDELTA.import(py, "datetime", "timedelta")?)? {
            return Err(error::invalid(
                py,
                &format!(
                    "a span is a timedelta, not {}",
                    value.get_type().fully_qualified_name()?
                ),
            ));
        }
        let (days, seconds, micros) = parts(&value)?;
        let seconds = u64::try_from(days * 86_400 + seconds)
            .map_err(|_| error::invalid(py, "a span is negative"))?;
        Ok(Self(
            Duration::from_secs(seconds) + Duration::from_micros(micros.unsigned_abs()),
        ))
    }
}

/// How long to wait: a `timedelta`, or seconds as Python's own time-outs are.
#[derive(Clone, Copy)]
pub(crate) struct Wait(pub(crate) Duration);

impl<'py> FromPyObject<'_, 'py> for Wait {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match value.extract::<f64>() {
            Ok(seconds) => Duration::try_from_secs_f64(seconds)
                .map(Self)
                .map_err(|_| error::invalid(value.py(), "a wait limit is negative or too long")),
            Err(_) => value.extract::<Span>().map(|span| Self(span.0)),
        }
    }
}

/// A Python callable without arguments that gives an aware `datetime`.
pub(crate) struct CallableClock(pub(crate) Py<PyAny>);

impl Clock for CallableClock {
    fn now(&self) -> Timestamp {
        let told = Python::try_attach(|py| {
            let now = self.0.bind(py).call0()?;
            from_datetime(&now)
        });
        match told {
            Some(Ok(now)) => now,
            Some(Err(e)) => error::unwind(e),
            None => SystemClock.now(), // the interpreter is going down
        }
    }
}
