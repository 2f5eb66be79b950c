package kafkacompat_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestFeaturesAreToldByApiVersions(t *testing.T) {
	c := startServer(t).dial()
	for version := int16(3); version <= 4; version++ {
		request := kmsg.NewPtrApiVersionsRequest()
		request.Version, request.ClientSoftwareName, request.ClientSoftwareVersion = version, "test", "1"
		response := ask[*kmsg.ApiVersionsResponse](c, request)
		levels := make(map[string]int16)
		for _, f := range response.FinalizedFeatures {
			levels[f.Name] = f.MaxVersionLevel
		}
		if len(levels) != 2 || levels["group.version"] != 1 || levels["transaction.version"] != 2 {
			t.Errorf("version %d: %v", version, levels)
		}
		for _, f := range response.SupportedFeatures {
			if f.MinVersion != levels[f.Name] || f.MaxVersion != levels[f.Name] {
				t.Errorf("version %d: supports %+v, has %v", version, f, levels)
			}
		}
		if len(response.SupportedFeatures) != len(levels) {
			t.Errorf("version %d: supports %+v, has %v", version, response.SupportedFeatures, levels)
		}
	}
}

func TestFeaturesStayAtTheLevelOfTheRelease(t *testing.T) {
	c := startServer(t).dial()
	type update = kmsg.UpdateFeaturesRequestFeatureUpdate
	group := update{Feature: "group.version", MaxVersionLevel: 1, UpgradeType: 1}
	for _, test := range []struct {
		name    string
		updates []update
		want    *kerr.Error
	}{
		{"to the level that it has", []update{group}, nil},
		{"both", []update{group, {Feature: "transaction.version", MaxVersionLevel: 2, UpgradeType: 1}}, nil},
		{"none", nil, nil},
		{"up", []update{{Feature: "group.version", MaxVersionLevel: 2, UpgradeType: 1}}, kerr.InvalidUpdateVersion},
		{"down", []update{{Feature: "transaction.version", MaxVersionLevel: 1, AllowDowngrade: true, UpgradeType: 3}}, kerr.InvalidUpdateVersion},
		{"away", []update{{Feature: "group.version", MaxVersionLevel: 0, AllowDowngrade: true, UpgradeType: 2}}, kerr.InvalidUpdateVersion},
		{"unknown", []update{{Feature: "metadata.version", MaxVersionLevel: 29, UpgradeType: 1}}, kerr.InvalidUpdateVersion},
		{"one good and one bad", []update{group, {Feature: "share.version", MaxVersionLevel: 1, UpgradeType: 1}}, kerr.InvalidUpdateVersion},
		{"twice", []update{group, group}, kerr.InvalidRequest},
	} {
		for version := int16(0); version <= 2; version++ {
			request := kmsg.NewPtrUpdateFeaturesRequest()
			request.Version, request.FeatureUpdates, request.ValidateOnly = version, test.updates, version > 0
			response := ask[*kmsg.UpdateFeaturesResponse](c, request)
			if got := kerr.ErrorForCode(response.ErrorCode); got != error(test.want) && !(got == nil && test.want == nil) {
				t.Errorf("%s, version %d: %v, want %v", test.name, version, got, test.want)
			}
			if (response.ErrorMessage == nil) != (test.want == nil) {
				t.Errorf("%s, version %d: the message is %v", test.name, version, response.ErrorMessage)
			}
			results := len(test.updates)
			if test.want != nil || version == 2 {
				results = 0
			}
			if len(response.Results) != results {
				t.Errorf("%s, version %d: results %+v, want %d", test.name, version, response.Results, results)
			}
		}
	}
	request := kmsg.NewPtrUpdateFeaturesRequest()
	request.Version, request.FeatureUpdates = 1, []update{{Feature: "group.version", MaxVersionLevel: 1, UpgradeType: 4}}
	if response := ask[*kmsg.UpdateFeaturesResponse](c, request); response.ErrorCode != kerr.InvalidUpdateVersion.Code {
		t.Errorf("an update of type 4: %v", kerr.ErrorForCode(response.ErrorCode))
	}
}
