// Command fake-gcs serves fake-gcs-server's in-memory storage over plain HTTP.
//
// The object_store crate writes through the XML API: PUT /bucket/object, with the condition in the header
// x-goog-if-generation-match. fake-gcs-server reads through both APIs but takes uploads and conditions through
// the JSON API alone. The front below translates the one request into the other; what the storage does with it,
// and what the condition means, is fake-gcs-server's own.
package main

import (
	"encoding/json"
	"flag"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"

	"github.com/fsouza/fake-gcs-server/fakestorage"
)

func main() {
	address := flag.String("listen", "127.0.0.1:4443", "loopback address to listen on")
	flag.Parse()
	server, err := fakestorage.NewServerWithOptions(fakestorage.Options{
		NoListener:  true,
		Scheme:      "http",
		PublicHost:  *address,
		ExternalURL: "http://" + *address,
	})
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe(*address, front(server.HTTPHandler())))
}

// front passes everything on but the uploads of the XML API.
func front(storage http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bucket, object, ok := xmlUpload(r)
		if !ok {
			storage.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		storage.ServeHTTP(answer, jsonUpload(r, bucket, object))
		reply(w, answer)
	})
}

// xmlUpload recognises PUT /bucket/object.
func xmlUpload(r *http.Request) (bucket, object string, ok bool) {
	for _, prefix := range []string{"/storage/", "/upload/", "/download/", "/batch/", "/_internal/"} {
		if strings.HasPrefix(r.URL.Path, prefix) {
			return "", "", false
		}
	}
	bucket, object, ok = strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return bucket, object, ok && object != "" && r.Method == http.MethodPut && r.URL.RawQuery == ""
}

// jsonUpload is the same upload, as the JSON API takes it.
func jsonUpload(r *http.Request, bucket, object string) *http.Request {
	query := url.Values{"uploadType": {"media"}, "name": {object}}
	if generation := r.Header.Get("x-goog-if-generation-match"); generation != "" {
		query.Set("ifGenerationMatch", generation)
	}
	upload := r.Clone(r.Context())
	upload.Method = http.MethodPost
	upload.URL = &url.URL{Path: "/upload/storage/v1/b/" + bucket + "/o", RawQuery: query.Encode()}
	upload.RequestURI = upload.URL.RequestURI()
	return upload
}

// reply says in headers, as the XML API does, what the JSON API says in the body.
func reply(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
	if answer.Code != http.StatusOK {
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
		return
	}
	var object struct {
		Generation string `json:"generation"`
		Etag       string `json:"etag"`
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &object); err != nil {
		http.Error(w, "the storage's answer is not JSON: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("x-goog-generation", object.Generation)
	w.Header().Set("ETag", strconv.Quote(object.Etag))
	w.WriteHeader(http.StatusOK)
}
