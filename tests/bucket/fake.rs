//! A bucket in memory that speaks as much of S3 as is needed: objects, uploads in parts, ranges,
//! removals; and that can be told to refuse. Must never check a signature: it knows no secret.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Collected, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_RANGE, ETAG, LAST_MODIFIED, RANGE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// What a bucket says of each object: that it has not changed.
const TAG: &str = "\"1\"";
const MODIFIED: &str = "Sun, 22 Nov 2026 10:00:00 GMT";

/// What it refuses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Refuses {
    #[default]
    Nothing,
    Removals,
    Everything,
}

type Answer = Response<Full<Bytes>>;

/// What is in the bucket.
#[derive(Default)]
struct Held {
    objects: BTreeMap<String, Bytes>,
    /// Parts by their numbers, of uploads by their ids.
    uploads: BTreeMap<String, BTreeMap<u32, Bytes>>,
    uploads_begun: u32,
    refuses: Refuses,
}

/// What can be waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) objects: usize,
    pub(crate) refused: u32,
    /// Uploads in parts that were put together.
    pub(crate) joined: u32,
}

/// A bucket on a port of this machine.
#[derive(Clone)]
pub(crate) struct Bucket {
    held: Arc<Mutex<Held>>,
    count: Arc<watch::Sender<Count>>,
    address: SocketAddr,
}

impl Bucket {
    /// An empty one.
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let bucket = Self { held: Arc::default(), count: Arc::default(), address };
        let served = bucket.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let bucket = served.clone();
                tokio::spawn(async move {
                    let service = service_fn(|request| bucket.serve(request));
                    // A client that goes away is none of its business.
                    drop(
                        http1::Builder::new().serve_connection(TokioIo::new(stream), service).await,
                    );
                });
            }
        });
        bucket
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on it refuses that.
    pub(crate) fn refuse(&self, refuses: Refuses) {
        self.held.lock().unwrap().refuses = refuses;
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.held.lock().unwrap().objects.keys().cloned().collect()
    }

    pub(crate) fn object(&self, key: &str) -> Option<Bytes> {
        self.held.lock().unwrap().objects.get(key).cloned()
    }

    /// Uploads in parts that are neither put together nor given up.
    pub(crate) fn uploads_open(&self) -> usize {
        self.held.lock().unwrap().uploads.len()
    }

    /// Waits until it is so.
    pub(crate) async fn until(&self, so: impl FnMut(&Count) -> bool) -> Count {
        *self.count.subscribe().wait_for(so).await.unwrap()
    }

    async fn serve(&self, request: Request<Incoming>) -> Result<Answer, Infallible> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
        let range = head.headers.get(RANGE).and_then(|range| range.to_str().ok());
        let asked = Asked {
            method: head.method,
            key: head.uri.path().to_owned(),
            query: query(head.uri.query().unwrap_or_default()),
            range: range.map(str::to_owned),
            body,
        };
        let mut held = self.held.lock().unwrap();
        let refused = held.refuses(&asked);
        let (answer, joined) =
            if refused { (empty(StatusCode::FORBIDDEN), false) } else { held.answer(&asked) };
        let objects = held.objects.len();
        drop(held);
        self.count.send_modify(|count| {
            count.objects = objects;
            count.refused += u32::from(refused);
            count.joined += u32::from(joined);
        });
        Ok(answer)
    }
}

struct Asked {
    method: Method,
    key: String,
    query: BTreeMap<String, String>,
    range: Option<String>,
    body: Bytes,
}

impl Held {
    fn refuses(&self, asked: &Asked) -> bool {
        let all_of = asked.method == Method::POST && asked.query.contains_key("delete");
        match self.refuses {
            Refuses::Nothing => false,
            Refuses::Removals => all_of || asked.method == Method::DELETE,
            Refuses::Everything => true,
        }
    }

    /// The answer, and whether an upload was put together by it.
    fn answer(&mut self, asked: &Asked) -> (Answer, bool) {
        let id = asked.query.get("uploadId");
        let answer = match (&asked.method, id) {
            (&Method::POST, Some(id)) => {
                let there = self.uploads.contains_key(id);
                return (self.join(asked, id), there);
            }
            (&Method::POST, None) if asked.query.contains_key("uploads") => self.begin(),
            (&Method::POST, None) if asked.query.contains_key("delete") => self.remove_all(asked),
            (&Method::PUT, Some(id)) => self.put_part(asked, id),
            (&Method::PUT, None) => {
                self.objects.insert(asked.key.clone(), asked.body.clone());
                empty(StatusCode::OK)
            }
            (&Method::DELETE, Some(id)) => {
                self.uploads.remove(id);
                empty(StatusCode::NO_CONTENT)
            }
            (&Method::DELETE, None) => {
                self.objects.remove(&asked.key);
                empty(StatusCode::NO_CONTENT)
            }
            (&Method::GET, None) => self.read(asked),
            _ => empty(StatusCode::NOT_IMPLEMENTED),
        };
        (answer, false)
    }

    fn begin(&mut self) -> Answer {
        self.uploads_begun += 1;
        let id = self.uploads_begun.to_string();
        let told = format!("<UploadId>{id}</UploadId>");
        self.uploads.insert(id, BTreeMap::new());
        xml("InitiateMultipartUploadResult", &told)
    }

    fn put_part(&mut self, asked: &Asked, id: &str) -> Answer {
        let number = asked.query.get("partNumber").and_then(|number| number.parse().ok());
        let (Some(upload), Some(number)) = (self.uploads.get_mut(id), number) else {
            return empty(StatusCode::NOT_FOUND);
        };
        upload.insert(number, asked.body.clone());
        empty(StatusCode::OK)
    }

    fn join(&mut self, asked: &Asked, id: &str) -> Answer {
        let Some(upload) = self.uploads.remove(id) else { return empty(StatusCode::NOT_FOUND) };
        let whole: Vec<u8> = upload.into_values().flatten().collect();
        self.objects.insert(asked.key.clone(), whole.into());
        xml("CompleteMultipartUploadResult", &format!("<ETag>{TAG}</ETag>"))
    }

    /// Removes the keys that the body names, which are below the bucket's own path.
    fn remove_all(&mut self, asked: &Asked) -> Answer {
        let body = String::from_utf8_lossy(&asked.body).into_owned();
        let keys = body.split("<Key>").skip(1);
        for key in keys.filter_map(|rest| rest.split("</Key>").next()) {
            self.objects.remove(&format!("{}/{key}", asked.key.trim_end_matches('/')));
        }
        // One who asks is told of those that are still there, and of no other.
        xml("DeleteResult", "")
    }

    fn read(&self, asked: &Asked) -> Answer {
        let Some(object) = self.objects.get(&asked.key) else {
            return empty(StatusCode::NOT_FOUND);
        };
        let range = asked.range.as_deref().and_then(|range| range.strip_prefix("bytes="));
        let Some((first, last)) = range.and_then(|range| range.split_once('-')) else {
            return empty(StatusCode::NOT_IMPLEMENTED);
        };
        let (Ok(first), Ok(last)) = (first.parse::<usize>(), last.parse::<usize>()) else {
            return empty(StatusCode::BAD_REQUEST);
        };
        if first >= object.len() {
            return empty(StatusCode::RANGE_NOT_SATISFIABLE);
        }
        let end = object.len().min(last + 1);
        let told = format!("bytes {first}-{}/{}", end - 1, object.len());
        let answer = Response::builder().status(StatusCode::PARTIAL_CONTENT);
        let answer = answer.header(ETAG, TAG).header(LAST_MODIFIED, MODIFIED);
        answer.header(CONTENT_RANGE, told).body(Full::new(object.slice(first..end))).unwrap()
    }
}

fn query(query: &str) -> BTreeMap<String, String> {
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn empty(status: StatusCode) -> Answer {
    Response::builder().status(status).header(ETAG, TAG).body(Full::default()).unwrap()
}

fn xml(name: &str, told: &str) -> Answer {
    let body = format!("<?xml version=\"1.0\"?><{name}>{told}</{name}>");
    Response::builder().header(ETAG, TAG).body(Full::from(body)).unwrap()
}
