//! The calls, blocking. Inserts and searches can also be started and awaited later, so that several are under way at once.

use bytes::Bytes;
use prost::Message;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

use crate::call::{Call, Connection};
use crate::proto::{self, FieldValues, KeyValuePair, ScalarData};
use crate::{Collection, Column, Error, Hits, IndexState, Rows, Search, Settings, Values};

/// Threads of the client: one sends while another receives.
const THREADS: usize = 2;

/// A connection to a server.
pub struct Client {
    connection: Connection,
    database: String,
    runtime: Runtime,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Client")
            .field(&self.connection.address)
            .finish()
    }
}

/// A call that is under way. It is cancelled when this value is dropped.
#[derive(Debug)]
pub struct Pending<T> {
    task: JoinHandle<Result<T, Error>>,
    runtime: Handle,
}

impl<T> Pending<T> {
    /// Waits for the answer.
    pub fn wait(mut self) -> Result<T, Error> {
        let ended = self.runtime.block_on(&mut self.task);
        ended.unwrap_or_else(|error| {
            Err(Error::Threads {
                message: error.to_string(),
            })
        })
    }
}

impl<T> Drop for Pending<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// The ids are new. If an attempt fails in a way that leaves its outcome unknown, it is repeated as an upsert.
    Insert,
    /// Rows with these ids may exist, and are replaced.
    Upsert,
}

impl Client {
    /// Connects to a server.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`] if there is none, [`Error::Login`] if it refuses the token.
    pub fn connect(settings: &Settings) -> Result<Self, Error> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("milvus")
            .enable_all()
            .build()
            .map_err(|error| Error::Threads {
                message: error.to_string(),
            })?;
        let connection = runtime.block_on(Connection::open(settings))?;
        let client = Self {
            connection,
            database: settings.database.clone(),
            runtime,
        };
        // Milvus Lite has neither a health check nor a version: listing collections is what all servers answer.
        client.collections()?;
        Ok(client)
    }

    fn call<A: proto::Answer>(&self, call: Call, request: impl Message) -> Result<A, Error> {
        self.runtime.block_on(self.connection.call(call, request))
    }

    fn of(&self, collection: &str) -> proto::CollectionRequest {
        proto::CollectionRequest {
            db_name: self.database.clone(),
            collection_name: collection.to_owned(),
        }
    }

    /// Host and port of the server.
    pub fn address(&self) -> &str {
        &self.connection.address
    }

    /// The version of the server; `None` if it does not say so.
    pub fn version(&self) -> Result<Option<String>, Error> {
        let answer =
            self.call::<proto::GetVersionResponse>(Call::GET_VERSION, proto::GetVersionRequest {});
        match answer {
            Ok(answer) => Ok(Some(answer.version).filter(|version| !version.is_empty())),
            Err(Error::Unimplemented { .. } | Error::Refused { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The names of the databases.
    pub fn databases(&self) -> Result<Vec<String>, Error> {
        let answer = self.call::<proto::ListDatabasesResponse>(
            Call::LIST_DATABASES,
            proto::ListDatabasesRequest {},
        )?;
        Ok(answer.db_names)
    }

    /// Creates a database.
    pub fn create_database(&self, name: &str) -> Result<(), Error> {
        let request = proto::CreateDatabaseRequest {
            db_name: name.to_owned(),
        };
        self.call::<proto::Status>(Call::CREATE_DATABASE, request)?;
        Ok(())
    }

    /// The names of the collections in the database.
    pub fn collections(&self) -> Result<Vec<String>, Error> {
        let request = proto::ShowCollectionsRequest {
            db_name: self.database.clone(),
        };
        let answer =
            self.call::<proto::ShowCollectionsResponse>(Call::SHOW_COLLECTIONS, request)?;
        Ok(answer.collection_names)
    }

    /// The collection `name`; `None` if there is none.
    pub fn describe(&self, name: &str) -> Result<Option<Collection>, Error> {
        // Servers report a missing collection with different codes.
        if !self.collections()?.iter().any(|other| other == name) {
            return Ok(None);
        }
        let answer: proto::DescribeCollectionResponse =
            self.call(Call::DESCRIBE_COLLECTION, self.of(name))?;
        let schema = answer.schema.ok_or_else(|| {
            self.connection
                .invalid(Call::DESCRIBE_COLLECTION, "there is no schema in it")
        })?;
        Ok(Some(Collection::from_schema(name, schema)))
    }

    /// Creates a collection with strong consistency.
    pub fn create(&self, collection: &Collection) -> Result<(), Error> {
        let request = proto::CreateCollectionRequest {
            db_name: self.database.clone(),
            collection_name: collection.name.clone(),
            schema: collection.to_schema().encode_to_vec(),
            shards_num: 0,
            consistency_level: 0,
        };
        self.call::<proto::Status>(Call::CREATE_COLLECTION, request)?;
        Ok(())
    }

    /// Drops a collection with all its rows.
    pub fn drop_collection(&self, name: &str) -> Result<(), Error> {
        self.call::<proto::Status>(Call::DROP_COLLECTION, self.of(name))?;
        Ok(())
    }

    /// Writes rows, and returns when the server has accepted them.
    pub fn write(&self, collection: &str, rows: Rows, how: Write) -> Result<(), Error> {
        self.start_write(collection, rows, how).wait()
    }

    /// Starts to write rows.
    pub fn start_write(&self, collection: &str, rows: Rows, how: Write) -> Pending<()> {
        let connection = self.connection.clone();
        let database = self.database.clone();
        let collection = collection.to_owned();
        self.start(async move {
            let count = rows.ids.len() as i64;
            let request = proto::MutationRequest {
                db_name: database,
                collection_name: collection,
                num_rows: rows.ids.len() as u32,
                fields_data: rows.into_fields(),
            };
            let encoded = Bytes::from(request.encode_to_vec());
            drop(request);
            let first = match how {
                Write::Insert => Call::INSERT,
                Write::Upsert => Call::UPSERT,
            };
            let answer: proto::MutationResult = connection
                .call_encoded(first, Call::UPSERT, encoded)
                .await?;
            // Some servers count an upsert as an insert.
            let written = answer.insert_cnt.max(answer.upsert_cnt);
            if written != count {
                let fault = format!("it wrote {written} of {count} rows");
                return Err(connection.invalid(first, fault));
            }
            Ok(())
        })
    }

    /// Deletes the rows for which the expression `filter` holds.
    pub fn delete(&self, collection: &str, filter: &str) -> Result<(), Error> {
        let request = proto::DeleteRequest {
            db_name: self.database.clone(),
            collection_name: collection.to_owned(),
            expr: filter.to_owned(),
        };
        self.call::<proto::MutationResult>(Call::DELETE, request)?;
        Ok(())
    }

    /// Seals the rows that have been inserted, so that they are indexed.
    pub fn flush(&self, collection: &str) -> Result<(), Error> {
        let request = proto::FlushRequest {
            db_name: self.database.clone(),
            collection_names: vec![collection.to_owned()],
        };
        match self.call::<proto::FlushResponse>(Call::FLUSH, request) {
            // A server without segments has nothing to seal.
            Ok(_) | Err(Error::Unimplemented { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Requests an index of the vectors. `parameters` is a JSON object.
    pub fn create_index(
        &self,
        collection: &str,
        kind: &str,
        metric: &str,
        parameters: &str,
    ) -> Result<(), Error> {
        let request = proto::CreateIndexRequest {
            db_name: self.database.clone(),
            collection_name: collection.to_owned(),
            field_name: Collection::VECTOR.to_owned(),
            extra_params: vec![
                pair("index_type", kind),
                pair("metric_type", metric),
                pair("params", parameters),
            ],
        };
        self.call::<proto::Status>(Call::CREATE_INDEX, request)?;
        Ok(())
    }

    /// The index of the vectors; `None` if there is none.
    pub fn index(&self, collection: &str) -> Result<Option<IndexState>, Error> {
        let request = proto::DescribeIndexRequest {
            db_name: self.database.clone(),
            collection_name: collection.to_owned(),
            field_name: Collection::VECTOR.to_owned(),
        };
        match self.call::<proto::DescribeIndexResponse>(Call::DESCRIBE_INDEX, request) {
            Ok(answer) => {
                let mut found = answer.index_descriptions.iter();
                let of_vectors = found.find(|index| index.field_name == Collection::VECTOR);
                Ok(of_vectors.map(IndexState::of))
            }
            // "Index not found", with the codes of 2.3 and later, of before, and with none.
            Err(Error::Refused { code, message, .. })
                if code == 700 || code == 25 || message.to_lowercase().contains("index not") =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Requests that the collection be loaded, so that it can be queried and searched.
    pub fn load(&self, collection: &str) -> Result<(), Error> {
        let request = proto::LoadCollectionRequest {
            db_name: self.database.clone(),
            collection_name: collection.to_owned(),
            replica_number: 1,
        };
        self.call::<proto::Status>(Call::LOAD_COLLECTION, request)?;
        Ok(())
    }

    /// The share of the collection that has been loaded, in percent.
    pub fn loaded(&self, collection: &str) -> Result<u8, Error> {
        let request = proto::GetLoadingProgressRequest {
            collection_name: collection.to_owned(),
            db_name: self.database.clone(),
        };
        let call = Call::GET_LOADING_PROGRESS;
        match self.call::<proto::GetLoadingProgressResponse>(call, request) {
            Ok(answer) => Ok(answer.progress.clamp(0, 100) as u8),
            // Then loading has ended when the request returns.
            Err(Error::Unimplemented { .. }) => Ok(100),
            Err(error) => Err(error),
        }
    }

    /// Unloads the collection.
    pub fn release(&self, collection: &str) -> Result<(), Error> {
        self.call::<proto::Status>(Call::RELEASE_COLLECTION, self.of(collection))?;
        Ok(())
    }

    /// The number of rows for which the expression `filter` holds (all for an empty one), with strong consistency: without
    /// deleted rows, and with all that have been inserted. The collection has to be loaded.
    pub fn count(&self, collection: &str, filter: &str) -> Result<u64, Error> {
        let request = proto::QueryRequest {
            db_name: self.database.clone(),
            collection_name: collection.to_owned(),
            expr: filter.to_owned(),
            output_fields: vec!["count(*)".to_owned()],
            consistency_level: 0,
        };
        let answer = self.call::<proto::QueryResults>(Call::QUERY, request)?;
        let count = answer.fields_data.into_iter().find_map(|field| {
            let Some(FieldValues::Scalars(values)) = field.field else {
                return None;
            };
            let Some(ScalarData::Long(values)) = values.data else {
                return None;
            };
            values.data.first().copied()
        });
        count
            .and_then(|count| u64::try_from(count).ok())
            .ok_or_else(|| {
                self.connection
                    .invalid(Call::QUERY, "there is no number of rows in it")
            })
    }

    /// Searches the nearest rows of some vectors.
    pub fn search(&self, search: Search) -> Result<Hits, Error> {
        self.start_search(search).wait()
    }

    /// Starts a search.
    pub fn start_search(&self, search: Search) -> Pending<Hits> {
        let connection = self.connection.clone();
        let database = self.database.clone();
        self.start(async move {
            let (count, limit) = (search.count(), search.limit);
            let columns = search.columns.clone();
            let request = Bytes::from(search.into_request(database).encode_to_vec());
            let answer: proto::SearchResults = connection
                .call_encoded(Call::SEARCH, Call::SEARCH, request)
                .await?;
            Hits::of(answer.results.unwrap_or_default(), count, limit, &columns)
                .map_err(|fault| connection.invalid(Call::SEARCH, fault))
        })
    }

    fn start<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Pending<T> {
        Pending {
            task: self.runtime.spawn(work),
            runtime: self.runtime.handle().clone(),
        }
    }
}

/// A parameter of a request.
pub(crate) fn pair(key: &str, value: impl Into<String>) -> KeyValuePair {
    KeyValuePair {
        key: key.to_owned(),
        value: value.into(),
    }
}

/// The columns of a result that have one of these names.
pub(crate) fn columns_of(fields: Vec<proto::FieldData>, names: &[String]) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    for field in fields {
        if names.contains(&field.field_name)
            && let Some(FieldValues::Scalars(values)) = field.field
            && let Some(values) = values.data
        {
            columns.push(Column {
                name: field.field_name,
                values: Values::of(values),
            });
        }
    }
    columns
}
