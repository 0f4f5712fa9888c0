//! A statement and its values. All values are bound; text goes into statements from this crate's sources alone, and the schema's checked name.

use std::error;
use std::fmt;
use std::sync::Arc;

use bytes::BytesMut;
use tokio_postgres::types::{Format, IsNull, ToSql, Type};

use crate::clock::Timestamp;
use crate::error::{Error, ErrorCode, Result};

type Value = Arc<dyn ToSql + Send + Sync>;

/// One statement, ready to be sent, and to be sent again: a copy shares the values.
#[derive(Clone)]
pub(super) struct Query {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
    pub(super) types: Vec<Type>,
}

impl Query {
    /// A statement in which `{schema}` stands for the schema.
    pub(super) fn new(schema: &Schema, sql: &str) -> Self {
        Self {
            sql: schema.fill(sql),
            values: Vec::new(),
            types: Vec::new(),
        }
    }

    /// More of the statement.
    pub(super) fn push(&mut self, schema: &Schema, sql: &str) {
        self.sql.push_str(&schema.fill(sql));
    }

    /// A place for a value in the statement, and the value.
    pub(super) fn push_bound(&mut self, value: impl Bind) {
        self.add(value);
        let place = format!("${}", self.values.len());
        self.sql.push_str(&place);
    }

    /// The next value.
    pub(super) fn bind(mut self, value: impl Bind) -> Self {
        self.add(value);
        self
    }

    fn add<T: Bind>(&mut self, value: T) {
        self.types.push(T::TYPE);
        self.values.push(value.into_value());
    }

    pub(super) fn parameters(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.values.iter().map(|value| &**value as _).collect()
    }

    pub(super) fn typed_parameters(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        let values = self.values.iter().map(|value| &**value as _);
        values.zip(self.types.iter().cloned()).collect()
    }
}

/// The schema's name, quoted.
#[derive(Clone)]
pub(super) struct Schema {
    pub(super) name: String,
    quoted: String,
}

impl Schema {
    /// `name` was checked: it holds nothing that would have to be escaped.
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            quoted: format!("\"{name}\""),
        }
    }

    pub(super) fn fill(&self, sql: &str) -> String {
        sql.replace("{schema}", &self.quoted)
    }
}

/// A value that shows nothing of itself: where an application has its logger listen, the client tells it the values of each statement.
struct Hidden<T>(T);

impl<T> fmt::Debug for Hidden<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("_")
    }
}

impl<T: ToSql> ToSql for Hidden<T> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn error::Error + Sync + Send>> {
        self.0.to_sql(ty, out)
    }

    fn accepts(ty: &Type) -> bool {
        T::accepts(ty)
    }

    fn to_sql_checked(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn error::Error + Sync + Send>> {
        self.0.to_sql_checked(ty, out)
    }

    fn encode_format(&self, ty: &Type) -> Format {
        self.0.encode_format(ty)
    }
}

/// What can be bound, and as which type.
pub(super) trait Bind {
    const TYPE: Type;

    fn into_value(self) -> Value;
}

macro_rules! bind {
    ($($from:ty => $type:ident, $value:ident -> $into:expr;)*) => {
        $(impl Bind for $from {
            const TYPE: Type = Type::$type;

            fn into_value(self) -> Value {
                let $value = self;
                Arc::new(Hidden($into))
            }
        })*
    };
}

bind! {
    &str => TEXT, value -> value.to_owned();
    String => TEXT, value -> value;
    Option<String> => TEXT, value -> value;
    Option<&str> => TEXT, value -> value.map(str::to_owned);
    bool => BOOL, value -> value;
    i64 => INT8, value -> value;
    Option<i64> => INT8, value -> value;
    Timestamp => INT8, value -> value.as_millis();
    Vec<String> => TEXT_ARRAY, value -> value;
    Vec<Option<String>> => TEXT_ARRAY, value -> value;
    Vec<bool> => BOOL_ARRAY, value -> value;
    Vec<i64> => INT8_ARRAY, value -> value;
    Vec<Option<i64>> => INT8_ARRAY, value -> value;
}

/// As a column can hold it. The trait keeps all numbers below 2^63.
pub(super) fn number(value: u64) -> Result<i64> {
    i64::try_from(value).map_err(|_| {
        Error::new(
            ErrorCode::InvalidArgument,
            format!("{value} is above 2^63 - 1, the largest number that can be stored"),
        )
    })
}

/// A bound to compare with: nothing stored is above the largest.
pub(super) fn bound(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
