package main

import (
	"path"
	"reflect"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// collector selects objects as a vCenter does: a step leads on from objects of its own type, and from
// each of them once. The library takes it from whatever has a property of that name: from a pool to its
// machine and back without an end.
type collector struct {
	simulator.PropertyCollector
}

func (c *collector) RetrievePropertiesEx(ctx *simulator.Context, req *types.RetrievePropertiesEx) soap.HasFault {
	req.SpecSet = selected(ctx, req.SpecSet)
	return c.PropertyCollector.RetrievePropertiesEx(ctx, req)
}

func (c *collector) RetrieveProperties(ctx *simulator.Context, req *types.RetrieveProperties) soap.HasFault {
	req.SpecSet = selected(ctx, req.SpecSet)
	return c.PropertyCollector.RetrieveProperties(ctx, req)
}

// selected names the objects that steps lead to in the place of the steps.
func selected(ctx *simulator.Context, specs []types.PropertyFilterSpec) []types.PropertyFilterSpec {
	found := make([]types.PropertyFilterSpec, len(specs))
	for i, spec := range specs {
		found[i] = spec
		found[i].ObjectSet = nil
		for _, from := range spec.ObjectSet {
			found[i].ObjectSet = append(found[i].ObjectSet, reached(ctx, from)...)
		}
	}
	return found
}

func reached(ctx *simulator.Context, from types.ObjectSpec) []types.ObjectSpec {
	if len(from.SelectSet) == 0 || object(ctx, from.Obj) == nil {
		return []types.ObjectSpec{from} // the library knows what to do, or what to say
	}
	walk := &walk{ctx: ctx, named: map[string]*types.TraversalSpec{}, taken: map[taken]bool{}}
	walk.name(from.SelectSet)
	walk.see(from.Obj, from.Skip)
	walk.follow(from.Obj, from.SelectSet)
	return walk.seen
}

type taken struct {
	from types.ManagedObjectReference
	step *types.TraversalSpec
}

type walk struct {
	ctx   *simulator.Context
	named map[string]*types.TraversalSpec
	taken map[taken]bool
	seen  []types.ObjectSpec
}

// name remembers the steps that others refer to.
func (w *walk) name(steps []types.BaseSelectionSpec) {
	for _, each := range steps {
		if step, ok := each.(*types.TraversalSpec); ok {
			if step.Name != "" {
				w.named[step.Name] = step
			}
			w.name(step.SelectSet)
		}
	}
}

// see takes an object in, once.
func (w *walk) see(ref types.ManagedObjectReference, skip *bool) {
	if skip != nil && *skip {
		return
	}
	for _, known := range w.seen {
		if known.Obj == ref {
			return
		}
	}
	w.seen = append(w.seen, types.ObjectSpec{Obj: ref})
}

func (w *walk) follow(from types.ManagedObjectReference, steps []types.BaseSelectionSpec) {
	for _, each := range steps {
		step, ok := each.(*types.TraversalSpec)
		if !ok {
			step = w.named[each.GetSelectionSpec().Name]
		}
		if step == nil || w.taken[taken{from, step}] {
			continue
		}
		w.taken[taken{from, step}] = true
		for _, ref := range w.beyond(from, step) {
			w.see(ref, step.Skip)
			w.follow(ref, step.SelectSet)
		}
	}
}

// beyond returns the objects that a step leads to.
func (w *walk) beyond(from types.ManagedObjectReference, step *types.TraversalSpec) (refs []types.ManagedObjectReference) {
	w.ctx.WithLock(from, func() {
		value := managed(object(w.ctx, from))
		if !value.IsValid() || !is(value.Type(), step.Type) {
			return
		}
		for _, word := range strings.Split(step.Path, ".") {
			if value = reflect.Indirect(value); value.Kind() != reflect.Struct {
				return
			}
			value = value.FieldByName(strings.ToUpper(word[:1]) + word[1:])
		}
		refs = references(value)
	})
	return refs
}

func object(ctx *simulator.Context, ref types.ManagedObjectReference) mo.Reference {
	if ctx.Session == nil {
		return simulator.Map.Get(ref)
	}
	return ctx.Session.Get(ref)
}

// managed returns the API's own part of what may be an object of the library's, or of ours.
func managed(found mo.Reference) reflect.Value {
	value := reflect.Indirect(reflect.ValueOf(found))
	for value.Kind() == reflect.Struct && path.Base(value.Type().PkgPath()) != "mo" && value.NumField() > 0 {
		value = value.Field(0)
	}
	if value.Kind() != reflect.Struct {
		return reflect.Value{}
	}
	return value
}

// is tells whether a type is the one of that name, or a kind of it.
func is(kind reflect.Type, name string) bool {
	if name == "" || kind.Name() == name {
		return true
	}
	for i := 0; i < kind.NumField(); i++ {
		field := kind.Field(i)
		if field.Anonymous && field.Type.Kind() == reflect.Struct && is(field.Type, name) {
			return true
		}
	}
	return false
}

func references(value reflect.Value) []types.ManagedObjectReference {
	if !value.IsValid() {
		return nil
	}
	switch found := value.Interface().(type) {
	case []types.ManagedObjectReference:
		return append([]types.ManagedObjectReference(nil), found...)
	case types.ManagedObjectReference:
		return []types.ManagedObjectReference{found}
	case *types.ManagedObjectReference:
		if found != nil {
			return []types.ManagedObjectReference{*found}
		}
	}
	return nil
}
