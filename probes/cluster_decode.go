package probes

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// Names of fields are those of org.apache.flink.runtime.rest.messages, from
// Flink 1.13 on. Fields that a version does not have stay zero; fields that
// are not named here are not read.

// maxDepth is how deep an answer may be nested; Flink's are below 10.
const maxDepth = 32

var errShape = errors.New("decode: the answer is not as Flink writes it")

// decodeJSON reads an answer that is not nested too deeply.
func decodeJSON(body []byte, v any) error {
	depth, quoted := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return fmt.Errorf("%w: nested more than %d deep", errShape, maxDepth)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	// The library's own errors quote pieces of the answer.
	if json.Unmarshal(body, v) != nil {
		return errShape
	}
	return nil
}

func decodeOverview(body []byte) (version string, err error) {
	var a struct {
		Version *string `json:"flink-version"`
	}
	if err := decodeJSON(body, &a); err != nil {
		return "", err
	}
	if a.Version == nil {
		return "", fmt.Errorf("%w: /overview has no flink-version", errShape)
	}
	return redactTo(*a.Version, 60), nil
}

var (
	jobID    = regexp.MustCompile(`^[0-9a-f]{32}$`)
	jobState = regexp.MustCompile(`^[A-Z_]{1,20}$`)
)

func decodeJobs(body []byte) ([]ClusterJob, error) {
	var a struct {
		Jobs *[]struct {
			ID      string `json:"jid"`
			Name    string `json:"name"`
			State   string `json:"state"`
			Changed int64  `json:"last-modification"`
			Tasks   struct {
				Total    int `json:"total"`
				Running  int `json:"running"`
				Finished int `json:"finished"`
			} `json:"tasks"`
		} `json:"jobs"`
	}
	if err := decodeJSON(body, &a); err != nil {
		return nil, err
	}
	if a.Jobs == nil {
		return nil, fmt.Errorf("%w: /jobs/overview has no jobs", errShape)
	}
	jobs := []ClusterJob{}
	for _, j := range *a.Jobs {
		// The id becomes part of a path.
		if !jobID.MatchString(j.ID) {
			return nil, fmt.Errorf("%w: a job's id is not 32 hexadecimal digits", errShape)
		}
		if !jobState.MatchString(j.State) {
			return nil, fmt.Errorf("%w: a job's state is no word", errShape)
		}
		jobs = append(jobs, ClusterJob{ID: j.ID, Name: j.Name, State: j.State, Changed: seconds(j.Changed),
			Tasks: j.Tasks.Total, Running: j.Tasks.Running + j.Tasks.Finished})
	}
	return jobs, nil
}

// maxName is how much is kept of a name or id of a TaskManager.
const maxName = 300

func decodeTaskManagers(body []byte) ([]ClusterTaskManager, error) {
	var a struct {
		TaskManagers *[]struct {
			ID       string `json:"id"`
			Path     string `json:"path"`
			DataPort int    `json:"dataPort"`
		} `json:"taskmanagers"`
	}
	if err := decodeJSON(body, &a); err != nil {
		return nil, err
	}
	if a.TaskManagers == nil {
		return nil, fmt.Errorf("%w: /taskmanagers has no taskmanagers", errShape)
	}
	list := []ClusterTaskManager{}
	for i, t := range *a.TaskManagers {
		if i >= maxTaskManagers || len(t.ID) > maxName { // too many are only counted, and no id is that long
			list = append(list, ClusterTaskManager{})
			continue
		}
		tm := ClusterTaskManager{ID: redactTo(t.ID, maxName), DataPort: t.DataPort}
		if m := rpcAddress.FindStringSubmatch(t.Path); m != nil {
			tm.Host = clip(strings.Trim(m[1], "[]"), maxName)
		}
		list = append(list, tm)
	}
	return list, nil
}

// keptSettings are the settings that are kept of the JobManager's, with their
// old names.
var keptSettings = []string{
	"state.backend.type", "state.backend",
	"execution.checkpointing.dir", "state.checkpoints.dir", "state.backend.fs.checkpointdir",
	"execution.checkpointing.savepoint-dir", "state.savepoints.dir", "savepoints.state.backend.fs.dir",
}

func decodeSettings(body []byte) (map[string]string, error) {
	var all []struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	}
	if err := decodeJSON(body, &all); err != nil {
		return nil, err
	}
	kept := map[string]string{}
	for _, s := range all {
		if slices.Contains(keptSettings, s.Key) {
			kept[s.Key] = s.Value
		}
	}
	for key, value := range kept {
		kept[key] = redactTo(value, 1000)
	}
	return kept, nil
}

type checkpointConfig struct {
	StateBackend string `json:"state_backend"`
	Storage      string `json:"checkpoint_storage"`
}

func decodeCheckpointConfig(body []byte) (checkpointConfig, error) {
	var a checkpointConfig
	err := decodeJSON(body, &a)
	a.StateBackend, a.Storage = redactTo(a.StateBackend, 200), redactTo(a.Storage, 200)
	return a, err
}

type newestCheckpoint struct {
	completed int64
	path      string
}

func decodeCheckpoints(body []byte) (newestCheckpoint, error) {
	var a struct {
		Latest struct {
			Completed *struct {
				Acked int64  `json:"latest_ack_timestamp"`
				Path  string `json:"external_path"`
			} `json:"completed"`
		} `json:"latest"`
	}
	if err := decodeJSON(body, &a); err != nil || a.Latest.Completed == nil {
		return newestCheckpoint{}, err
	}
	path := a.Latest.Completed.Path
	if strings.HasPrefix(path, "<") { // <checkpoint-not-externally-addressable>
		path = ""
	}
	return newestCheckpoint{seconds(a.Latest.Completed.Acked), redactTo(path, 1000)}, nil
}

// seconds are the seconds of a time in milliseconds, 0 for one that cannot be:
// Flink writes -1 where it has none.
func seconds(ms int64) int64 {
	if ms <= 0 || ms > 1e14 {
		return 0
	}
	return ms / 1000
}

// cutPort takes the port off HOST:PORT; brackets of IPv6 go too.
func cutPort(endpoint string) string {
	if a, err := netip.ParseAddrPort(endpoint); err == nil {
		return a.Addr().String()
	}
	if i := strings.LastIndexByte(endpoint, ':'); i >= 0 {
		endpoint = endpoint[:i]
	}
	return strings.Trim(endpoint, "[]")
}
