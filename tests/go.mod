module vigie/tests

go 1.26.0

require (
	github.com/google/go-cmp v0.7.0
	github.com/google/uuid v1.6.0
	github.com/gorilla/websocket v1.5.3
	go.uber.org/goleak v1.3.0
	google.golang.org/protobuf v1.36.12
	vigie v0.0.0
)

replace vigie => ../
