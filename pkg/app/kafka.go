package app

import (
	"context"

	"github.com/spf13/pflag"

	"vigie/pkg/eventlog/kafkalog"
)

// KafkaAccess is how a process proves to Kafka who it is, and Kafka to it; and what it takes Kafka for.
type KafkaAccess struct {
	TLS          bool   `koanf:"kafka_tls" help:"speak TLS with Kafka; the other kafka-tls settings imply it"`
	TLSCA        string `koanf:"kafka_tls_ca" help:"file with the certificates (PEM) that are trusted; empty: those of this machine"`
	TLSCert      string `koanf:"kafka_tls_cert" help:"file with this process's own certificate (PEM), where Kafka asks for one"`
	TLSKey       string `koanf:"kafka_tls_key" help:"file with the key of that certificate (PEM)"`
	TLSName      string `koanf:"kafka_tls_name" help:"name in Kafka's certificates, where it is not that of the address"`
	SASL         string `koanf:"kafka_sasl" help:"how to sign in: SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN"`
	User         string `koanf:"kafka_user" help:"user to sign in as; empty: nobody"`
	PasswordFile string `koanf:"kafka_password_file" help:"file with the user's password"`
	SingleNode   bool   `koanf:"kafka_single_node" help:"Kafka is one node on purpose: accept one copy of every record"`
	// Password is no flag: command lines are for everybody to see.
	Password Secret `koanf:"kafka_password"`
}

// DefaultKafkaAccess is nobody, in plain text.
func DefaultKafkaAccess() KafkaAccess { return KafkaAccess{SASL: kafkalog.ScramSHA512} }

// Validate accepts everything: what is wrong depends on the brokers, and [kafkalog.Config] says it.
func (KafkaAccess) Validate() error { return nil }

// Config is that of a log on brokers.
func (a KafkaAccess) Config(brokers, positionsBrokers []string) kafkalog.Config {
	cfg := kafkalog.Default()
	cfg.Brokers, cfg.PositionsBrokers = brokers, positionsBrokers
	cfg.SingleNode = a.SingleNode
	cfg.TLS = kafkalog.TLS{On: a.TLS, CAFile: a.TLSCA, CertFile: a.TLSCert, KeyFile: a.TLSKey, ServerName: a.TLSName}
	cfg.SASL = kafkalog.SASL{Mechanism: a.SASL, User: a.User, Password: a.Password.Reveal(), PasswordFile: a.PasswordFile}
	return cfg
}

// KafkaFlags adds the flags of a command that asks brokers itself.
func KafkaFlags(fs *pflag.FlagSet) { Flags(fs, DefaultKafkaAccess()) }

// OpenKafka opens the log for such a command, as the environment (NAME=value) and its flags say; it is refused at once where
// the brokers refuse this process.
func OpenKafka(ctx context.Context, env []string, fs *pflag.FlagSet, brokers, positionsBrokers []string) (*kafkalog.Log, error) {
	access, err := Load(DefaultKafkaAccess(), Sources{Env: env, Flags: fs})
	if err != nil {
		return nil, err
	}
	log, err := kafkalog.New(access.Config(brokers, positionsBrokers))
	if err != nil {
		return nil, Exit(Usage, err)
	}
	if err := log.Reach(ctx); err != nil {
		log.Close()
		return nil, err
	}
	return log, nil
}
