package probes

import (
	_ "embed"
)

// Flink is the probe that finds the TaskManagers of a host.
var Flink = Probe{
	Name:   "flink",
	Doc:    "TaskManager processes, how they were started and what they use",
	Budget: 5,
	Script: flinkScript,
	Parse:  parseFlink,
	Judge:  judgeFlink,
}

//go:embed flink.sh
var flinkScript string

// FlinkFacts are the processes and files of Flink on a host.
type FlinkFacts struct {
	// TaskManagers are the running ones, by pid.
	TaskManagers []TaskManager `json:"taskmanagers"`
	// Searched is known if the process table could be read: only then does an
	// empty list mean that none runs.
	Searched Value[bool] `json:"searched" need:"needed"`
}

// TaskManager is one running TaskManager process.
type TaskManager struct {
	PID  int           `json:"pid"`
	UID  Value[int64]  `json:"uid" need:"needed"`
	User Value[string] `json:"user"`
}

func parseFlink(r Records, f *Facts) {
	f.Flink.Searched = Unknown[bool](r.String("flink.searched").Why())
	if _, ok := r.String("flink.searched").Get(); ok {
		f.Flink.Searched = Known(true)
	}
	for _, pid := range r.Pids("flink") {
		f.Flink.TaskManagers = append(f.Flink.TaskManagers, TaskManager{PID: pid})
	}
}

func judgeFlink(in Input) Judgement { return Judgement{} }
