//! Collections, their rows and their index.

use crate::client::pair;
use crate::proto::{
    self, BoolArray, DoubleArray, FieldData, FieldSchema, FieldValues, FloatArray, LongArray,
    ScalarData, ScalarField, StringArray, VectorField, data_type,
};

/// The largest text of a field, in bytes.
pub const MAX_TEXT: usize = 65_535;

/// A collection: a primary key, one vector, and further fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collection {
    /// Its name: letters, digits and `_`, not beginning with a digit.
    pub name: String,
    /// Its description.
    pub description: String,
    /// The number of values of a vector; 0 if it has no field [`Collection::VECTOR`] of floats.
    pub dimensions: usize,
    /// The other fields.
    pub fields: Vec<Field>,
}

/// A field besides the primary key and the vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name: letters, digits and `_`, not beginning with a digit.
    pub name: String,
    /// Its type.
    pub kind: Kind,
}

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `BOOL`.
    Boolean,
    /// `INT64`.
    Integer,
    /// `DOUBLE`.
    Float,
    /// `VARCHAR` of at most [`MAX_TEXT`] bytes.
    Text,
    /// A type that this client does not write, by its number in the protocol.
    Other(i32),
}

impl Kind {
    fn data_type(self) -> i32 {
        match self {
            Self::Boolean => data_type::BOOL,
            Self::Integer => data_type::INT64,
            Self::Float => data_type::DOUBLE,
            Self::Text => data_type::VARCHAR,
            Self::Other(number) => number,
        }
    }

    fn of(data_type: i32) -> Self {
        match data_type {
            data_type::BOOL => Self::Boolean,
            data_type::INT64 => Self::Integer,
            data_type::DOUBLE => Self::Float,
            data_type::VARCHAR => Self::Text,
            other => Self::Other(other),
        }
    }
}

impl Collection {
    /// The name of the primary key.
    pub const ID: &'static str = "id";
    /// The name of the vectors.
    pub const VECTOR: &'static str = "embedding";

    pub(crate) fn to_schema(&self) -> proto::CollectionSchema {
        let field = |name: &str, data_type| FieldSchema {
            name: name.to_owned(),
            data_type,
            ..FieldSchema::default()
        };
        let mut fields = vec![
            FieldSchema {
                is_primary_key: true,
                ..field(Self::ID, data_type::INT64)
            },
            FieldSchema {
                type_params: vec![pair("dim", self.dimensions.to_string())],
                ..field(Self::VECTOR, data_type::FLOAT_VECTOR)
            },
        ];
        fields.extend(self.fields.iter().map(|other| FieldSchema {
            type_params: match other.kind {
                Kind::Text => vec![pair("max_length", MAX_TEXT.to_string())],
                _ => Vec::new(),
            },
            ..field(&other.name, other.kind.data_type())
        }));
        proto::CollectionSchema {
            name: self.name.clone(),
            description: self.description.clone(),
            fields,
        }
    }

    pub(crate) fn from_schema(name: &str, schema: proto::CollectionSchema) -> Self {
        let is_vector = |field: &&FieldSchema| {
            field.name == Self::VECTOR && field.data_type == data_type::FLOAT_VECTOR
        };
        let vector = schema.fields.iter().find(is_vector);
        let dimensions = vector.and_then(|field| {
            let mut parameters = field.type_params.iter();
            let dimensions = parameters.find(|parameter| parameter.key == "dim")?;
            dimensions.value.parse().ok()
        });
        let of_ours = [Self::ID, Self::VECTOR];
        let others = schema.fields.into_iter().map(|field| Field {
            kind: Kind::of(field.data_type),
            name: field.name,
        });
        Self {
            name: name.to_owned(),
            description: schema.description,
            dimensions: dimensions.unwrap_or(0),
            fields: others
                .filter(|field| !of_ours.contains(&field.name.as_str()))
                .collect(),
        }
    }
}

/// The values of one field.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// One value per row.
    pub values: Values,
}

/// One value per row.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Of [`Kind::Boolean`].
    Boolean(Vec<bool>),
    /// Of [`Kind::Integer`].
    Integer(Vec<i64>),
    /// Of [`Kind::Float`].
    Float(Vec<f64>),
    /// Of [`Kind::Text`].
    Text(Vec<String>),
}

impl Values {
    /// The number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::Boolean(values) => values.len(),
            Self::Integer(values) => values.len(),
            Self::Float(values) => values.len(),
            Self::Text(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn into_scalars(self) -> (Kind, ScalarData) {
        match self {
            Self::Boolean(data) => (Kind::Boolean, ScalarData::Bool(BoolArray { data })),
            Self::Integer(data) => (Kind::Integer, ScalarData::Long(LongArray { data })),
            Self::Float(data) => (Kind::Float, ScalarData::Double(DoubleArray { data })),
            Self::Text(data) => (Kind::Text, ScalarData::String(StringArray { data })),
        }
    }

    pub(crate) fn of(scalars: ScalarData) -> Self {
        match scalars {
            ScalarData::Bool(values) => Self::Boolean(values.data),
            ScalarData::Long(values) => Self::Integer(values.data),
            ScalarData::Double(values) => Self::Float(values.data),
            ScalarData::String(values) => Self::Text(values.data),
        }
    }
}

/// Rows to write.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// The primary keys.
    pub ids: Vec<i64>,
    /// The vectors, row after row.
    pub vectors: Vec<f32>,
    /// The other fields.
    pub columns: Vec<Column>,
}

impl Rows {
    pub(crate) fn into_fields(self) -> Vec<FieldData> {
        let dim = self.vectors.len() / self.ids.len().max(1);
        let field = |name: &str, data_type, values| FieldData {
            data_type,
            field_name: name.to_owned(),
            field: Some(values),
        };
        let scalars = |data| FieldValues::Scalars(ScalarField { data: Some(data) });
        let ids = ScalarData::Long(LongArray { data: self.ids });
        let vectors = VectorField {
            dim: dim as i64,
            float_vector: Some(FloatArray { data: self.vectors }),
        };
        let mut fields = vec![
            field(Collection::ID, data_type::INT64, scalars(ids)),
            field(
                Collection::VECTOR,
                data_type::FLOAT_VECTOR,
                FieldValues::Vectors(vectors),
            ),
        ];
        fields.extend(self.columns.into_iter().map(|column| {
            let (kind, values) = column.values.into_scalars();
            field(&column.name, kind.data_type(), scalars(values))
        }));
        fields
    }
}

/// The state of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexState {
    /// Its kind, such as `HNSW`; empty if the server does not say so.
    pub kind: String,
    /// Its metric: `L2`, `COSINE` or `IP`.
    pub metric: String,
    /// Number of rows that it holds.
    pub indexed: u64,
    /// Number of rows that it is to hold.
    pub total: u64,
    /// Whether it is complete.
    pub finished: bool,
    /// Why it could not be built.
    pub failure: Option<String>,
}

impl IndexState {
    pub(crate) fn of(index: &proto::IndexDescription) -> Self {
        const FINISHED: i32 = 3;
        const FAILED: i32 = 4;
        let parameter = |key: &str| {
            let mut parameters = index.params.iter();
            let found = parameters.find(|parameter| parameter.key == key);
            found.map(|found| found.value.clone()).unwrap_or_default()
        };
        Self {
            kind: parameter("index_type"),
            metric: parameter("metric_type"),
            indexed: u64::try_from(index.indexed_rows).unwrap_or(0),
            total: u64::try_from(index.total_rows).unwrap_or(0),
            finished: index.state == FINISHED && index.pending_index_rows <= 0,
            failure: (index.state == FAILED).then(|| index.index_state_fail_reason.clone()),
        }
    }
}
