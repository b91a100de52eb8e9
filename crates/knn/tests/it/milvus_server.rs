//! A small Milvus in this process, for faults that a real server does not show on demand.
//!
//! It keeps the rows of its collections in memory and searches them by brute force, in `f32` as servers do.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, Request, Response};
use milvus_client::proto::{
    self, CollectionSchema, FieldData, FieldValues, IndexDescription, KeyValuePair, LongArray,
    PlaceholderGroup, ScalarData, ScalarField, Status,
};
use prost::Message;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the server does wrong.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Fault {
    #[default]
    None,
    /// Answers this call after eight seconds.
    Slow(&'static str),
    /// Refuses this call with a code and a message.
    Refuse(&'static str, i32, &'static str),
    /// Is busy for this number of calls of this name.
    Busy(&'static str, usize),
    /// Breaks the connection instead of answering this call, once this number of them was answered.
    Close(&'static str, usize),
    /// Stores the rows of the first insert, and then breaks the connection instead of answering.
    CloseAfterInsert,
    /// Answers this many neighbors fewer than asked for.
    Short(usize),
    /// Answers the searches of fewer vectors than were sent.
    FewerAnswers,
    /// Deletes every hundredth row before the first search.
    Lose,
    /// Answers with ids that were never inserted.
    StrangeIds,
    /// Answers with the scores of other vectors.
    StrangeScores,
    /// Never finishes an index.
    Unfinished,
    /// Wants this header.
    Login(&'static str),
    /// Answers with bytes that are no message.
    Garbage(&'static str),
}

#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) schema: CollectionSchema,
    pub(crate) rows: BTreeMap<i64, Vec<f32>>,
    /// The other fields of the requests that wrote rows.
    pub(crate) written: Vec<FieldData>,
    index: Vec<KeyValuePair>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) collections: BTreeMap<String, Stored>,
    pub(crate) fault: Fault,
    /// The calls since the fault was set.
    pub(crate) calls: Vec<String>,
}

/// A running server, which ends with this value.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
    _runtime: tokio::runtime::Runtime,
}

impl Server {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let listener = runtime.block_on(listener).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        runtime.spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(connection(socket, Arc::clone(&shared)));
            }
        });
        Self {
            address,
            state,
            _runtime: runtime,
        }
    }

    pub(crate) fn uri(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sets the fault, and forgets the calls.
    pub(crate) fn set(&self, fault: Fault) {
        self.change(|state| {
            state.fault = fault;
            state.calls.clear();
        });
    }

    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap())
    }

    /// How often `call` was made.
    pub(crate) fn calls(&self, call: &str) -> usize {
        self.change(|state| state.calls.iter().filter(|made| *made == call).count())
    }
}

async fn connection(socket: TcpStream, state: Arc<Mutex<State>>) {
    let (close, mut closed) = watch::channel(false);
    let close = Arc::new(close);
    let mut builder = h2::server::Builder::new();
    builder
        .initial_window_size(16 << 20)
        .initial_connection_window_size(32 << 20);
    let Ok(mut connection) = builder.handshake::<_, Bytes>(socket).await else {
        return;
    };
    loop {
        let next = tokio::select! {
            next = connection.accept() => next,
            _ = closed.changed() => return,
        };
        let Some(Ok((request, respond))) = next else {
            return;
        };
        tokio::spawn(answer(
            request,
            respond,
            Arc::clone(&state),
            Arc::clone(&close),
        ));
    }
}

/// What happens to a call.
enum Reply {
    Message(Vec<u8>),
    /// A code of gRPC.
    Code(&'static str, &'static str),
    Close,
}

async fn answer(
    request: Request<h2::RecvStream>,
    mut respond: h2::server::SendResponse<Bytes>,
    state: Arc<Mutex<State>>,
    close: Arc<watch::Sender<bool>>,
) {
    let path = request.uri().path().to_owned();
    let call = path.rsplit('/').next().unwrap_or_default().to_owned();
    let headers = request.headers().clone();
    let mut body = request.into_body();
    let mut bytes = BytesMut::new();
    while let Some(chunk) = body.data().await {
        // The connection broke within the request.
        let Ok(chunk) = chunk else { return };
        let _ = body.flow_control().release_capacity(chunk.len());
        bytes.extend_from_slice(&chunk);
    }
    let is_slow = matches!(state.lock().unwrap().fault, Fault::Slow(slow) if slow == call);
    if is_slow {
        tokio::time::sleep(Duration::from_secs(8)).await;
    }
    // The message follows a byte and its length.
    let message = bytes.split_off(5).freeze();
    let reply = state.lock().unwrap().reply(&call, &headers, &message);
    let head = Response::builder()
        .header("content-type", "application/grpc")
        .body(())
        .unwrap();
    let mut trailers = HeaderMap::new();
    let message = match reply {
        Reply::Close => {
            let _ = close.send(true);
            return;
        }
        Reply::Code(code, text) => {
            trailers.insert("grpc-message", text.parse().unwrap());
            trailers.insert("grpc-status", code.parse().unwrap());
            None
        }
        Reply::Message(message) => {
            trailers.insert("grpc-status", "0".parse().unwrap());
            Some(message)
        }
    };
    let Ok(mut stream) = respond.send_response(head, false) else {
        return;
    };
    if let Some(message) = message {
        let mut framed = BytesMut::with_capacity(message.len() + 5);
        framed.put_u8(0);
        framed.put_u32(message.len() as u32);
        framed.extend_from_slice(&message);
        let _ = stream.send_data(framed.freeze(), false);
    }
    let _ = stream.send_trailers(trailers);
}

fn message(message: &impl Message) -> Reply {
    Reply::Message(message.encode_to_vec())
}

fn failure(code: i32, reason: &str, retriable: bool) -> Status {
    Status {
        code,
        reason: reason.to_owned(),
        retriable,
        ..Status::default()
    }
}

impl State {
    fn reply(&mut self, call: &str, headers: &HeaderMap, bytes: &Bytes) -> Reply {
        let before = self.calls.iter().filter(|made| *made == call).count();
        self.calls.push(call.to_owned());
        match self.fault.clone() {
            Fault::Refuse(refused, code, reason) if refused == call => {
                return refusal(call, failure(code, reason, false));
            }
            Fault::Busy(busy, times) if busy == call && before < times => {
                return refusal(call, failure(8, "rate limit exceeded", true));
            }
            Fault::Close(closed, after) if closed == call && before >= after => {
                return Reply::Close;
            }
            Fault::Login(header) => {
                let sent = headers.get("authorization");
                if sent.is_none_or(|sent| sent != header) {
                    return Reply::Code("16", "auth check failure, please check");
                }
            }
            Fault::Garbage(call_name) if call_name == call => {
                return Reply::Message(vec![0xff; 40]);
            }
            _ => {}
        }
        let reply = self.handle(call, bytes);
        if self.fault == Fault::CloseAfterInsert && call == "Insert" {
            self.fault = Fault::None;
            return Reply::Close;
        }
        reply
    }

    fn handle(&mut self, call: &str, bytes: &Bytes) -> Reply {
        let named = || proto::CollectionRequest::decode(bytes.clone()).unwrap();
        match call {
            "ShowCollections" => message(&proto::ShowCollectionsResponse {
                collection_names: self.collections.keys().cloned().collect(),
                status: None,
            }),
            "DescribeCollection" => {
                let found = self.collections.get(&named().collection_name);
                message(&proto::DescribeCollectionResponse {
                    schema: found.map(|found| found.schema.clone()),
                    status: None,
                })
            }
            "CreateCollection" => {
                let request = proto::CreateCollectionRequest::decode(bytes.clone()).unwrap();
                let stored = Stored {
                    schema: CollectionSchema::decode(&request.schema[..]).unwrap(),
                    rows: BTreeMap::new(),
                    written: Vec::new(),
                    index: Vec::new(),
                };
                self.collections.insert(request.collection_name, stored);
                message(&Status::default())
            }
            "DropCollection" => {
                self.collections.remove(&named().collection_name);
                message(&Status::default())
            }
            "Insert" | "Upsert" => {
                let request = proto::MutationRequest::decode(bytes.clone()).unwrap();
                message(&self.write(request))
            }
            "LoadCollection" => message(&Status::default()),
            "GetLoadingProgress" => message(&proto::GetLoadingProgressResponse {
                progress: 100,
                status: None,
            }),
            "CreateIndex" => {
                let request = proto::CreateIndexRequest::decode(bytes.clone()).unwrap();
                let stored = self.collections.get_mut(&request.collection_name).unwrap();
                stored.index = request.extra_params;
                message(&Status::default())
            }
            "DescribeIndex" => {
                let request = proto::DescribeIndexRequest::decode(bytes.clone()).unwrap();
                message(&self.describe_index(&request.collection_name))
            }
            "Query" => {
                let request = proto::QueryRequest::decode(bytes.clone()).unwrap();
                message(&self.count(&request))
            }
            "Search" => {
                let request = proto::SearchRequest::decode(bytes.clone()).unwrap();
                message(&self.search(&request))
            }
            // Among them Flush and GetVersion, as in Milvus Lite.
            _ => Reply::Code("12", "not implemented"),
        }
    }

    fn write(&mut self, request: proto::MutationRequest) -> proto::MutationResult {
        let stored = self.collections.get_mut(&request.collection_name).unwrap();
        let (mut ids, mut values) = (Vec::new(), Vec::new());
        for field in request.fields_data {
            match (field.field_name.as_str(), field.field.clone()) {
                (
                    "id",
                    Some(FieldValues::Scalars(ScalarField {
                        data: Some(ScalarData::Long(found)),
                    })),
                ) => ids = found.data,
                ("embedding", Some(FieldValues::Vectors(found))) => {
                    values = found.float_vector.unwrap().data;
                }
                _ => stored.written.push(field),
            }
        }
        let d = values.len() / ids.len();
        let rows = values.chunks_exact(d).map(<[f32]>::to_vec);
        stored.rows.extend(ids.iter().copied().zip(rows));
        proto::MutationResult {
            insert_cnt: ids.len() as i64,
            ..proto::MutationResult::default()
        }
    }

    fn describe_index(&self, collection: &str) -> proto::DescribeIndexResponse {
        let stored = &self.collections[collection];
        if stored.index.is_empty() {
            return proto::DescribeIndexResponse {
                status: Some(failure(700, "index not found", false)),
                index_descriptions: Vec::new(),
            };
        }
        let rows = stored.rows.len() as i64;
        let is_built = self.fault != Fault::Unfinished;
        proto::DescribeIndexResponse {
            status: None,
            index_descriptions: vec![IndexDescription {
                field_name: "embedding".to_owned(),
                params: stored.index.clone(),
                state: if is_built { 3 } else { 2 },
                indexed_rows: if is_built { rows } else { 0 },
                total_rows: rows,
                ..IndexDescription::default()
            }],
        }
    }

    fn count(&self, request: &proto::QueryRequest) -> proto::QueryResults {
        assert_eq!(request.output_fields, ["count(*)"]);
        let stored = &self.collections[&request.collection_name];
        let bounds: Vec<i64> = request
            .expr
            .split(|letter: char| !letter.is_ascii_digit())
            .filter_map(|number| number.parse().ok())
            .collect();
        let count = match bounds[..] {
            [from, to] => stored.rows.range(from..=to).count(),
            _ => stored.rows.len(),
        };
        let data = vec![count as i64];
        proto::QueryResults {
            status: None,
            fields_data: vec![FieldData {
                data_type: 5,
                field_name: "count(*)".to_owned(),
                field: Some(FieldValues::Scalars(ScalarField {
                    data: Some(ScalarData::Long(LongArray { data })),
                })),
            }],
        }
    }

    fn search(&mut self, request: &proto::SearchRequest) -> proto::SearchResults {
        let parameter = |key: &str| {
            let mut found = request.search_params.iter();
            found.find(|pair| pair.key == key).unwrap().value.clone()
        };
        let fault = self.fault.clone();
        let stored = self.collections.get_mut(&request.collection_name).unwrap();
        if fault == Fault::Lose {
            stored.rows.retain(|id, _| id % 100 != 7);
        }
        let metric = parameter("metric_type");
        let mut limit: usize = parameter("topk").parse().unwrap();
        if let Fault::Short(by) = fault {
            limit -= by;
        }
        let group = PlaceholderGroup::decode(&request.placeholder_group[..]).unwrap();
        let mut results = proto::SearchResultData {
            num_queries: request.nq,
            ..proto::SearchResultData::default()
        };
        let mut ids = Vec::new();
        for query in &group.placeholders[0].values {
            let (query, _) = query.as_chunks::<4>();
            let query: Vec<f32> = query
                .iter()
                .map(|bytes| f32::from_le_bytes(*bytes))
                .collect();
            let mut found: Vec<(f32, i64)> = stored
                .rows
                .iter()
                .map(|(&id, row)| (score(&metric, &query, row), id))
                .collect();
            let order = |a: &(f32, i64), b: &(f32, i64)| {
                let order = a.0.total_cmp(&b.0);
                if metric == "L2" {
                    order
                } else {
                    order.reverse()
                }
            };
            if limit < found.len() {
                found.select_nth_unstable_by(limit, order);
                found.truncate(limit);
            }
            found.sort_by(order);
            results.topks.push(found.len() as i64);
            for (score, id) in found {
                let strange = fault == Fault::StrangeIds;
                ids.push(if strange { id + 1_000_000 } else { id });
                let strange = fault == Fault::StrangeScores;
                results
                    .scores
                    .push(if strange { 3.0 * score + 40.0 } else { score });
            }
        }
        if fault == Fault::FewerAnswers {
            results.topks.pop();
        }
        results.ids = Some(proto::Ids {
            int_id: Some(LongArray { data: ids }),
        });
        proto::SearchResults {
            status: None,
            results: Some(results),
        }
    }
}

/// The answer to `call` with this status: alone, or as the first field of a message.
fn refusal(call: &str, status: Status) -> Reply {
    let alone = [
        "CreateCollection",
        "DropCollection",
        "CreateIndex",
        "LoadCollection",
    ];
    if alone.contains(&call) {
        return message(&status);
    }
    message(&proto::FlushResponse {
        status: Some(status),
    })
}

fn score(metric: &str, a: &[f32], b: &[f32]) -> f32 {
    let pairs = a.iter().zip(b);
    let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    match metric {
        "L2" => pairs.map(|(a, b)| (a - b) * (a - b)).sum(),
        "IP" => product(a, b),
        _ => product(a, b) / (product(a, a) * product(b, b)).sqrt(),
    }
}
