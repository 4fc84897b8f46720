package app

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"reflect"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

// Config is what every process has. A process's own Config holds it as `App app.Config` tagged `koanf:",squash"`,
// and has a Validate that asks each part.
type Config struct {
	Listen    string `koanf:"listen" help:"address of all HTTP, host:port"`
	ListenTLS string `koanf:"listen_tls" help:"address of all HTTPS, host:port; empty: none"`
	TLSCert   string `koanf:"tls_cert" help:"certificate of the HTTPS address, PEM"`
	TLSKey    string `koanf:"tls_key" help:"its key, PEM"`
	JSON      bool   `koanf:"json" help:"write the log and results as JSON lines"`
	LogLevel  string `koanf:"log_level" help:"least level logged: debug, info, warn or error"`
}

// Default listens on this machine only.
func Default() Config { return Config{Listen: "127.0.0.1:8080", LogLevel: "info"} }

// Validate says what cannot work.
func (c Config) Validate() error {
	var errs []error
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		errs = append(errs, fmt.Errorf("listen %q: give host:port", c.Listen))
	}
	if _, _, err := net.SplitHostPort(c.ListenTLS); err != nil && c.ListenTLS != "" {
		errs = append(errs, fmt.Errorf("listen_tls %q: give host:port", c.ListenTLS))
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		errs = append(errs, errors.New("tls_cert, tls_key: give both or none"))
	}
	if new(slog.Level).UnmarshalText([]byte(c.LogLevel)) != nil {
		errs = append(errs, fmt.Errorf("log_level %q: give debug, info, warn or error", c.LogLevel))
	}
	return errors.Join(errs...)
}

// Secret is a configuration value that is never shown: it prints, logs and marshals as ***.
type Secret string

const mask = "***"

// Reveal returns the secret itself, for the one place that needs it.
func (s Secret) Reveal() string { return string(s) }

// String masks.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return mask
}

// GoString masks.
func (s Secret) GoString() string { return s.String() }

// MarshalText masks.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Sources are the places a configuration is read from; each may be left out.
type Sources struct {
	File  string         // YAML
	Env   []string       // NAME=value, as os.Environ gives them: the field a.b_c is VIGIE_A_B_C
	Flags *pflag.FlagSet // those made with Flags and given on the command line
}

const (
	envPrefix = "VIGIE_"
	keyDelim  = "."
)

// Flags adds to fs a flag for each field of def that has a help tag: the field a.b_c is --a-b-c.
func Flags(fs *pflag.FlagSet, def any) {
	for _, f := range fields(reflect.ValueOf(def), "") {
		if f.help == "" {
			continue
		}
		switch v := f.value.Interface().(type) {
		case bool:
			fs.Bool(f.flag(), v, f.help)
		case int:
			fs.Int(f.flag(), v, f.help)
		case time.Duration:
			fs.Duration(f.flag(), v, f.help)
		case []string:
			fs.StringSlice(f.flag(), v, f.help)
		default:
			fs.String(f.flag(), fmt.Sprint(v), f.help)
		}
	}
}

// Load reads a configuration: def, overridden by the file, by the environment, by flags, in this order. A field is named by its
// koanf tag. A key of the file that no field has is an error, as is what T's Validate refuses; both are Usage errors.
func Load[T interface{ Validate() error }](def T, src Sources) (T, error) {
	cfg := def
	k := koanf.New(keyDelim)
	if err := load(k, fields(reflect.ValueOf(def), ""), src); err != nil {
		return def, Exit(Usage, fmt.Errorf("configuration: %w", err))
	}
	err := k.UnmarshalWithConf("", &cfg, koanf.UnmarshalConf{DecoderConfig: &mapstructure.DecoderConfig{
		TagName:          "koanf",
		ErrorUnused:      true,
		WeaklyTypedInput: true,
		ZeroFields:       true, // a shorter list replaces a longer default
		DecodeHook: mapstructure.ComposeDecodeHookFunc(
			mapstructure.StringToTimeDurationHookFunc(), mapstructure.StringToSliceHookFunc(",")),
	}})
	if err != nil {
		return def, Exit(Usage, fmt.Errorf("configuration: %w", err))
	}
	if err := cfg.Validate(); err != nil {
		return def, Exit(Usage, fmt.Errorf("configuration: %w", err))
	}
	return cfg, nil
}

func load(k *koanf.Koanf, known []field, src Sources) error {
	if src.File != "" {
		if err := k.Load(file.Provider(src.File), yaml.Parser()); err != nil {
			return fmt.Errorf("%s: %w", src.File, err)
		}
	}
	env := map[string]string{}
	for _, e := range src.Env {
		name, value, _ := strings.Cut(e, "=")
		env[name] = value
	}
	over := map[string]any{}
	for _, f := range known {
		if v, ok := env[f.env()]; ok {
			over[f.key] = v
		}
		if src.Flags == nil || !src.Flags.Changed(f.flag()) {
			continue
		}
		if list, err := src.Flags.GetStringSlice(f.flag()); err == nil {
			over[f.key] = list
		} else {
			over[f.key] = src.Flags.Lookup(f.flag()).Value.String()
		}
	}
	return k.Load(confmap.Provider(over, keyDelim), nil)
}

// PrintConfig writes cfg as the YAML that --config reads, secrets masked.
func PrintConfig(w io.Writer, cfg any) error {
	values := map[string]any{}
	for _, f := range fields(reflect.ValueOf(cfg), "") {
		values[f.key] = f.value.Interface()
	}
	k := koanf.New(keyDelim)
	if err := k.Load(confmap.Provider(values, keyDelim), nil); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	out, err := k.Marshal(yaml.Parser())
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	_, err = w.Write(out)
	return err
}

// field is one value of a configuration struct, wherever it is nested.
type field struct {
	key, help string
	value     reflect.Value
}

func (f field) flag() string { return strings.NewReplacer(keyDelim, "-", "_", "-").Replace(f.key) }

func (f field) env() string {
	return envPrefix + strings.ToUpper(strings.NewReplacer(keyDelim, "_", "-", "_").Replace(f.key))
}

func fields(v reflect.Value, prefix string) []field {
	var all []field
	for i := range v.NumField() {
		t := v.Type().Field(i)
		tag, ok := t.Tag.Lookup("koanf")
		if !ok || tag == "-" {
			continue
		}
		name, option, _ := strings.Cut(tag, ",")
		switch {
		case option == "squash":
			all = append(all, fields(v.Field(i), prefix)...)
		case t.Type.Kind() == reflect.Struct:
			all = append(all, fields(v.Field(i), prefix+name+keyDelim)...)
		default:
			all = append(all, field{key: prefix + name, help: t.Tag.Get("help"), value: v.Field(i)})
		}
	}
	return all
}
