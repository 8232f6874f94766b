// A vCenter for tests: govmomi's simulator, with what nova's own driver misses in it.
//
// It answers on an address that is named, to a user and password that come by the environment, and
// serves the API's description (vimService.wsdl) from a folder. It runs no guest.
package main

import (
	"bytes"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// extensions keeps what clients register as theirs; the library has no such object.
type extensions struct {
	mo.ExtensionManager
}

func (m *extensions) FindExtension(req *types.FindExtension) soap.HasFault {
	body := &methods.FindExtensionBody{Res: new(types.FindExtensionResponse)}
	for i := range m.ExtensionList {
		if m.ExtensionList[i].Key == req.ExtensionKey {
			body.Res.Returnval = &m.ExtensionList[i]
		}
	}
	return body
}

func (m *extensions) RegisterExtension(req *types.RegisterExtension) soap.HasFault {
	m.ExtensionList = append(m.ExtensionList, req.Extension)
	return &methods.RegisterExtensionBody{Res: new(types.RegisterExtensionResponse)}
}

// disks copies within the source's datacenter when none is named for the copy, as a vCenter does.
// What stands in for an object of the library holds it by value: the library looks into its first field.
type disks struct {
	simulator.VirtualDiskManager
}

func (m *disks) CopyVirtualDiskTask(ctx *simulator.Context, req *types.CopyVirtualDisk_Task) soap.HasFault {
	if req.DestDatacenter == nil {
		req.DestDatacenter = req.SourceDatacenter
	}
	return m.VirtualDiskManager.CopyVirtualDiskTask(ctx, req)
}

// browser tells type, size and time of files when nobody says which of these are wanted.
type browser struct {
	simulator.HostDatastoreBrowser
}

func detailed(spec *types.HostDatastoreBrowserSearchSpec) *types.HostDatastoreBrowserSearchSpec {
	if spec == nil {
		spec = &types.HostDatastoreBrowserSearchSpec{MatchPattern: []string{"*"}}
	}
	if spec.Details == nil {
		spec.Details = &types.FileQueryFlags{FileType: true, FileSize: true, Modification: true}
	}
	return spec
}

func (b *browser) SearchDatastoreTask(req *types.SearchDatastore_Task) soap.HasFault {
	req.SearchSpec = detailed(req.SearchSpec)
	return b.HostDatastoreBrowser.SearchDatastoreTask(req)
}

func (b *browser) SearchDatastoreSubFoldersTask(req *types.SearchDatastoreSubFolders_Task) soap.HasFault {
	req.SearchSpec = detailed(req.SearchSpec)
	return b.HostDatastoreBrowser.SearchDatastoreSubFoldersTask(req)
}

// index finds all machines of a UUID as well; a UUID has one at most here.
type index struct {
	simulator.SearchIndex
}

func (i *index) FindAllByUuid(req *types.FindAllByUuid) soap.HasFault {
	one := i.FindByUuid(&types.FindByUuid{
		This: req.This, Datacenter: req.Datacenter, Uuid: req.Uuid, VmSearch: req.VmSearch, InstanceUuid: req.InstanceUuid,
	})
	body := &methods.FindAllByUuidBody{Res: new(types.FindAllByUuidResponse), Fault_: one.Fault()}
	if found, ok := one.(*methods.FindByUuidBody); ok && found.Res.Returnval != nil {
		body.Res.Returnval = []types.ManagedObjectReference{*found.Res.Returnval}
	}
	return body
}

// prepare closes the library's gaps in the objects that it made.
func prepare(content types.ServiceContent) {
	if content.ExtensionManager != nil {
		manager := &extensions{}
		manager.Self = *content.ExtensionManager
		simulator.Map.Put(manager)
	}
	if content.VirtualDiskManager != nil {
		found := simulator.Map.Get(*content.VirtualDiskManager)
		if known, ok := found.(*simulator.VirtualDiskManager); ok {
			simulator.Map.Put(&disks{*known})
		}
	}
	if content.SearchIndex != nil {
		found := simulator.Map.Get(*content.SearchIndex)
		if known, ok := found.(*simulator.SearchIndex); ok {
			simulator.Map.Put(&index{*known})
		}
	}
	known := &collector{}
	known.Self = content.PropertyCollector
	simulator.Map.Put(known)
	for _, entity := range simulator.Map.All("Datastore") {
		store := entity.(*simulator.Datastore)
		store.Summary.Type = "VMFS"
		store.Summary.MaintenanceMode = string(types.DatastoreSummaryMaintenanceModeStateNormal)
		if known, ok := simulator.Map.Get(store.Browser).(*simulator.HostDatastoreBrowser); ok {
			simulator.Map.Put(&browser{*known})
		}
	}
}

// describe serves the API's description; the paths are those that clients ask a vCenter for.
func describe(service *simulator.Service, folder string) {
	names, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(names) == 0 {
		log.Fatalf("%s holds no description of the API: write it with describe.py", folder)
	}
	for _, name := range names {
		file := name
		service.ServeMux.HandleFunc("/sdk/"+filepath.Base(file), func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/xml")
			http.ServeFile(w, r, file)
		})
	}
}

// naive is a time without a zone, as nova's driver sends it.
var naive = regexp.MustCompile(`>(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?)<`)

// zoned takes times without a zone for UTC's, as a vCenter does; the library refuses them.
func zoned(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Path == "/sdk" {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			body = naive.ReplaceAll(body, []byte(">${1}Z<"))
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		}
		next.ServeHTTP(w, r)
	})
}

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address and port to answer on")
	folder := flag.String("wsdl", "", "folder that describe.py wrote")
	hosts := flag.Int("hosts", 2, "hosts of the cluster")
	flag.Parse()
	user, password := os.Getenv("VSPHERE_USER"), os.Getenv("VSPHERE_PASSWORD")
	if user == "" || password == "" {
		log.Fatal("VSPHERE_USER and VSPHERE_PASSWORD say who may log in: set both")
	}
	model := simulator.VPX()
	model.ClusterHost, model.Host, model.Machine = *hosts, 0, 0
	if err := model.Create(); err != nil {
		log.Fatal(err)
	}
	defer model.Remove()
	model.Service.Listen = &url.URL{Host: *listen, User: url.UserPassword(user, password)}
	model.Service.TLS = new(tls.Config)
	if model.Service.ServeMux == nil {
		model.Service.ServeMux = http.NewServeMux()
	}
	prepare(model.ServiceContent)
	describe(model.Service, *folder)
	server := model.Service.NewServer()
	defer server.Close()
	server.Config.Handler = zoned(server.Config.Handler)
	fmt.Printf("ready at %s\n", strings.TrimSuffix(server.URL.Host, "/"))
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	<-stop
}
