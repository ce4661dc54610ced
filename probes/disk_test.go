package probes

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const testMounts = `22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
30 22 0:30 / /tmp rw,nosuid,nodev,noexec shared:5 - tmpfs tmpfs rw,size=100k
31 22 8:17 / /data rw,relatime shared:6 master:1 - xfs /dev/sdb1 rw
32 31 0:44 / /data/my\040dir ro,relatime - nfs4 srv:/x rw
33 31 253:2 / /data rw,relatime - ext4 /dev/mapper/vg-data rw,errors=remount-ro`

func TestTheMountOfAPathIsTheLongestAndTheLast(t *testing.T) {
	t.Parallel()
	mounts := parseMounts(strings.Split(testMounts, "\n"))
	tests := []struct{ path, point, kind string }{
		{"/", "/", "ext4"},
		{"/database", "/", "ext4"},
		{"/tmp", "/tmp", "tmpfs"},
		{"/tmp/flink/x", "/tmp", "tmpfs"},
		{"/data/flink", "/data", "ext4"},
		{"/data/my dir/state", "/data/my dir", "nfs4"},
	}
	for _, tt := range tests {
		m := mountOf(mounts, tt.path)
		if m == nil || m.Point != tt.point || m.Type != tt.kind {
			t.Errorf("mountOf(%q) = %+v, want %s on %s", tt.path, m, tt.kind, tt.point)
		}
	}
}

func TestKernelDevicesMatchWhatIsMounted(t *testing.T) {
	t.Parallel()
	tests := []struct {
		source, device, kernel string
		want                   bool
	}{
		{"/dev/loop0", "7:0", "loop0", true},
		{"/dev/sda1", "8:1", "sda", true},
		{"/dev/sda1", "8:1", "sda1-8", true},
		{"/dev/sdab1", "65:1", "sda", false},
		{"/dev/nvme0n1p2", "259:2", "nvme0n1", true},
		{"/dev/nvme0n10", "259:2", "nvme0n1", false},
		{"/dev/mapper/vg-data", "253:2", "dm-2", true},
		{"/dev/mapper/vg-data", "253:2", "dm-3", false},
		{"tmpfs", "0:30", "tmpfs", false},
		{"/dev/sda1", "8:1", "", false},
	}
	for _, tt := range tests {
		if got := (Mount{Source: tt.source, Device: tt.device}).isDevice(tt.kernel); got != tt.want {
			t.Errorf("%s (%s) is %s: %v, want %v", tt.source, tt.device, tt.kernel, got, tt.want)
		}
	}
}

func TestOnlyWhatIsCertainIsDenied(t *testing.T) {
	t.Parallel()
	root := DirMode{Path: "/", Mode: "drwxr-xr-x"}
	dir := func(mode string, uid, gid int64, parents ...DirMode) *DirFacts {
		return &DirFacts{Kind: Known("directory"), Mode: Known(mode), UID: Known(uid), GID: Known(gid), Parents: append([]DirMode{root}, parents...)}
	}
	user := modeUser{uid: 1002, groups: []int64{1002, 50}, groupsKnown: true, acls: true}
	noACL := user
	noACL.acls = false
	tests := []struct {
		name string
		user modeUser
		dir  *DirFacts
		want bool
	}{
		{"own directory", user, dir("drwxr-xr-x", 1002, 1002), false},
		{"own directory without w", user, dir("dr-xr-xr-x", 1002, 1002), true},
		{"the owner's bits hold even where others may", user, dir("dr-xrwxrwx", 1002, 1002), true},
		{"of root", user, dir("drwxr-xr-x", 0, 0), true},
		{"of root, sticky and open", user, dir("drwxrwxrwt", 0, 0), false},
		{"of a group it is in", user, dir("drwxrwxr-x", 0, 50), false},
		{"of a group it is in, without w", user, dir("drwxr-xrwx", 0, 50), true},
		{"an ACL may allow it", user, dir("drwxr-xr-x+", 0, 0), false},
		{"ls that shows no ACLs", noACL, dir("drwxr-xr-x", 0, 0), false},
		{"ls that shows no ACLs, own directory", noACL, dir("dr-xr-xr-x", 1002, 0), true},
		{"a parent that may not be searched", user, dir("drwxr-xr-x", 1002, 1002, DirMode{Path: "/data", Mode: "drwx------"}), true},
		{"absent below one that is open", user, &DirFacts{Kind: Known("absent"), Parents: []DirMode{root, {Path: "/tmp", Mode: "drwxrwxrwt"}}}, false},
		{"absent below one of root", user, &DirFacts{Kind: Known("absent"), Parents: []DirMode{root, {Path: "/data", Mode: "drwxr-xr-x"}}}, true},
		{"nothing is known", user, &DirFacts{}, false},
	}
	for _, tt := range tests {
		if got := tt.user.denied(tt.dir); got != tt.want {
			t.Errorf("%s: denied = %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestStatfsIsReadInBytes(t *testing.T) {
	t.Parallel()
	got := parseSpaces([]string{
		"ext2/ext3 4096 755402 409087 400000 196608 177837 /data/my dir",
		"UNKNOWN (0x9123683e) 4096 10 5 5 0 0 /btrfs",
		"xfs 4096 9223372036854775807 5 5 1 1 /overflow",
		"xfs 4096 10 50 5 1 1 /lies",
		"noise",
	})
	want := map[string]Space{
		"/data/my dir": {Total: 755402 * 4096, Free: 409087 * 4096, Avail: 400000 * 4096, Files: 196608, FilesFree: 177837},
		"/btrfs":       {Total: 40960, Free: 20480, Avail: 20480},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("spaces (-want +got):\n%s", diff)
	}
}

// diskFacts is a host with one directory that one TaskManager uses.
func diskFacts(change func(*DirFacts)) *Facts {
	d := DirFacts{
		Path: "/data/flink", Roles: []string{RoleLocalDir}, Real: "/data/flink", Kind: Known("directory"),
		Mount: Known(Mount{Point: "/data", Type: "ext4", Source: "/dev/sdb1", Device: "8:17", Options: []string{"rw"}}),
		Space: Known(Space{Total: 100 << 30, Free: 60 << 30, Avail: 60 << 30, Files: 1000, FilesFree: 900}),
		Mode:  Known("drwxr-xr-x"), UID: Known(int64(1002)), GID: Known(int64(1002)), Writable: map[int]Value[bool]{7: Known(true)},
	}
	change(&d)
	return &Facts{
		Flink: FlinkFacts{Searched: Known(true), TaskManagers: []TaskManager{{PID: 7, UID: Known(int64(1002)), User: Known("flink")}}},
		Disk:  DiskFacts{Listed: Known(true), Dirs: []DirFacts{d}},
	}
}

func TestDiskFindings(t *testing.T) {
	t.Parallel()
	mount := func(edit func(*Mount)) func(*DirFacts) {
		return func(d *DirFacts) {
			m, _ := d.Mount.Get()
			edit(&m)
			d.Mount = Known(m)
		}
	}
	space := func(s Space) func(*DirFacts) { return func(d *DirFacts) { d.Space = Known(s) } }
	tests := []struct {
		name   string
		change func(*DirFacts)
		want   []string // code and status
	}{
		{"healthy", func(*DirFacts) {}, nil},
		{"92 % of 100 GiB", space(Space{Total: 100 << 30, Free: 8 << 30, Avail: 8 << 30}), []string{"disk/full warn"}},
		{"99 % of 100 GiB", space(Space{Total: 100 << 30, Free: 1 << 30, Avail: 1 << 30}), []string{"disk/full fail"}},
		{"98 % of 10 TiB leave 200 GiB", space(Space{Total: 10 << 40, Free: 200 << 30, Avail: 200 << 30}), []string{"disk/full warn"}},
		{"all free blocks are root's", space(Space{Total: 100 << 30, Free: 5 << 30, Avail: 0}), []string{"disk/full fail"}},
		{"a small file system that is empty", space(Space{Total: 200 << 20, Free: 200 << 20, Avail: 200 << 20}), nil},
		{"no inode", space(Space{Total: 100 << 30, Free: 60 << 30, Avail: 60 << 30, Files: 1000}), []string{"disk/inodes fail"}},
		{"inodes of btrfs", space(Space{Total: 100 << 30, Free: 60 << 30, Avail: 60 << 30}), nil},
		{"read-only", mount(func(m *Mount) { m.Options = []string{"ro"} }), []string{"disk/read-only fail"}},
		{"super block read-only", mount(func(m *Mount) { m.SuperOptions = []string{"ro"} }), []string{"disk/read-only fail"}},
		{"noexec does not matter to localdir", mount(func(m *Mount) { m.Options = []string{"noexec"} }), nil},
		{"noexec", func(d *DirFacts) {
			d.Roles = []string{RoleTmp}
			mount(func(m *Mount) { m.Options = []string{"rw", "noexec"} })(d)
		}, []string{"disk/noexec fail"}},
		{"nfs", mount(func(m *Mount) { m.Type = "nfs4" }), []string{"disk/network-file-system warn"}},
		{"tmpfs", mount(func(m *Mount) { m.Type = "tmpfs" }), []string{"disk/temporary-file-system warn"}},
		{"checkpoints belong on nfs", func(d *DirFacts) {
			d.Roles = []string{RoleCheckpoint}
			mount(func(m *Mount) { m.Type = "nfs4" })(d)
		}, nil},
		{"not writable", func(d *DirFacts) { d.Writable[7] = Known(false) }, []string{"disk/not-writable fail"}},
		{"missing", func(d *DirFacts) { d.Kind, d.Writable[7] = Known("absent"), Known(false) }, []string{"disk/missing fail"}},
		{"absent, but it can be made", func(d *DirFacts) { d.Kind = Known("absent") }, nil},
		{"a file", func(d *DirFacts) { d.Kind = Known("other") }, []string{"disk/not-writable fail"}},
		{"quota", func(d *DirFacts) { d.Quota = map[int]Quota{7: {Device: "/dev/sdb1", Used: 100, Limit: 100}} }, []string{"disk/full fail"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, findings := judgeAlone(&Disk, diskFacts(tt.change))
			var got []string
			for _, f := range findings {
				got = append(got, f.Code+" "+string(f.Status))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadOnlyByTheKernelLogAlone(t *testing.T) {
	t.Parallel()
	f := diskFacts(func(*DirFacts) {})
	f.Memory.Kernel.Events = []KernelEvent{{Kind: KernelReadOnly, Device: "sdb1", Source: "dmesg", Text: "EXT4-fs (sdb1): Remounting filesystem read-only"}}
	if c, _ := judgeAlone(&Disk, f); c.Status != Fail {
		t.Errorf("status %s, want fail", c.Status)
	}
	f.Memory.Kernel.Events = append(f.Memory.Kernel.Events, KernelEvent{Kind: KernelMounted, Device: "sdb1"})
	if c, _ := judgeAlone(&Disk, f); c.Status != OK {
		t.Errorf("after it was mounted again: status %s, want ok", c.Status)
	}
}

func TestTmpfilesOfEtcHideThoseOfUsrLib(t *testing.T) {
	t.Parallel()
	records := func(lines ...string) Records {
		r, err := parseRecords([]byte("[disk\n" + strings.Join(lines, "\n") + "\n]disk 1\n"))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	usr := "=disk.tmpfiles ./usr/lib/tmpfiles.d/tmp.conf:q /tmp 1777 root root 10d"
	want := []Cleaner{{Source: "/usr/lib/tmpfiles.d/tmp.conf", Path: "/tmp", Age: "10d"}}
	if diff := cmp.Diff(want, parseCleaners(records(usr))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := parseCleaners(records(usr, "=disk.tmpfiles_file /etc/tmpfiles.d/tmp.conf")); len(got) > 0 {
		t.Errorf("hidden by /etc: got %+v, want none", got)
	}
}

func FuzzMountinfo(f *testing.F) {
	for line := range strings.SplitSeq(testMounts, "\n") {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if m, ok := parseMount(line); ok && mountOf([]Mount{m}, m.Point) == nil {
			t.Fatalf("the mount point %q of %q does not lie on itself", m.Point, line)
		}
	})
}
